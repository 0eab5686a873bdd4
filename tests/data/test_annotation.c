#include "data/annotation.h"

#include "tests/sound.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;
static data_annotation a;

static base_status read_text(const char *name, const char *text) {
    const char *path = sound_write_text(&arena, test_folder(), name, text);
    return data_annotation_read(path, "audio/song.wav", &arena, &a, &err);
}

static base_status read_bytes(const char *name, const void *bytes, size_t n) {
    const char *path = base_path_join(&arena, test_folder(), name);
    TEST_OK(base_file_write(path, bytes, n, &err), err);
    return data_annotation_read(path, "song.wav", &arena, &a, &err);
}

/* "0.5 KD|1-1.5 SD|" */
static const char *told(void) {
    base_text out = {0};
    for (int64_t i = 0; i < a.n; i++) {
        base_text_add_number(&out, a.events[i].begin_s);
        if (a.events[i].end_s > 0) base_text_add(&out, "-");
        if (a.events[i].end_s > 0) base_text_add_number(&out, a.events[i].end_s);
        base_text_printf(&out, " %s|", a.events[i].label);
    }
    const char *copy = base_arena_string(&arena, base_text_string(&out));
    base_text_release(&out);
    data_annotation_release(&a);
    return copy;
}

START_TEST(every_layout_is_read) {
    static const struct {
        const char *name, *text, *told;
    } cases[] = {
        {"a.csv", "time,label\n0.5,kick\n1,\"sn,are\"\n", "0.5 kick|1 sn,are|"},
        {"a.csv", "\xEF\xBB\xBFlabel,end_s,begin_s\r\nkick,0.75,0.5\r\n\r\nsnare,,1\r\n",
         "0.5-0.75 kick|1 snare|"},
        {"a.csv", "path,class,onset,duration\nx/song.wav,KD,1,0.25\nother.wav,SD,0,1\n",
         "1-1.25 KD|"},
        {"a.csv", "0.5,New Point\n1.25,kick\n", "0.5 New Point|1.25 kick|"},
        {"a.csv", "0.5\n1.25\n", "0.5 |1.25 |"},
        {"a.csv", "0.5,3,0.25,kick\n", "0.5-0.75 kick|"},
        {"a.txt", "0.5\t0.5\tkick\n1\t1.5\tlow tom\n\\\t100\t200\n2\t2\n",
         "0.5 kick|1-1.5 low tom|2 |"},
        {"a.txt", "0.5 \tKD\n\n1.0 \tSD", "0.5 KD|1 SD|"},
        {"a.lab", "0.5 KD\n1 open hat\n2\n", "0.5 KD|1 open hat|2 |"},
        {"a.svl",
         "<?xml version=\"1.0\"?><!DOCTYPE sonic-visualiser><sv><data><model id=\"1\" "
         "sampleRate=\"44100\"/><dataset id=\"0\"><point frame=\"44100\" label=\"SD\"/><point "
         "frame=\"22050\" duration=\"11025\" label=\"KD &amp; co\"/></dataset></data></sv>",
         "0.5-0.75 KD & co|1 SD|"},
        {"a.xml",
         "<instrumentRecording><transcription><event><pitch>46</pitch><onsetSec> 1.5 "
         "</onsetSec><instrument>HH</instrument></event><event><onsetSec>0.5</onsetSec>"
         "<instrument>KD</instrument></event></transcription></instrumentRecording>",
         "0.5 KD|1.5 HH|"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        TEST_OK(read_text(cases[i].name, cases[i].text), err);
        ck_assert_str_eq(told(), cases[i].told);
    }
}
END_TEST

START_TEST(errors_name_file_and_line) {
    static const struct {
        const char *name, *text, *part;
        base_status status;
    } cases[] = {
        {"a.csv", "when,label\n1,kick\n", "a.csv:1: no column is called time", BASE_EFORMAT},
        {"a.csv", "time,label\n1,kick\n0.5,snare\n", "a.csv:3: 0.5 s comes after 1 s",
         BASE_EFORMAT},
        {"a.csv", "time,label\n1,kick\n2\n", "a.csv:3: 1 fields where the first line has 2",
         BASE_EFORMAT},
        {"a.csv", "time,end\n1,0.5\n", "a.csv:2: ends at 0.5 s, before it begins", BASE_EFORMAT},
        {"a.csv", "time,label\n-1,kick\n", "a.csv:2: '-1' is no time", BASE_EFORMAT},
        {"a.csv", "time,label\nnan,kick\n", "a.csv:2: 'nan' is no time", BASE_EFORMAT},
        {"a.csv", "time,label\n1,\"kick\n", "a.csv: line 2: a quote", BASE_EFORMAT},
        {"a.csv", "path,time\nother.wav,1\n", "a.csv: no event of song.wav", BASE_EDATA},
        {"a.txt", "1 kick\n0.5 snare\n", "a.txt:2: 0.5 s comes after 1 s", BASE_EFORMAT},
        {"a.txt", "kick 1\n", "a.txt:1: 'kick' is no time", BASE_EFORMAT},
        {"a.txt", "1\t0.5\tkick\n", "a.txt:1: ends at 0.5 s", BASE_EFORMAT},
        {"a.txt", "1 \xFF\n", "a.txt: not UTF-8", BASE_EFORMAT},
        {"a.txt", "", "a.txt: no event", BASE_EDATA},
        {"a.svl", "<sv><point frame=\"1\"/></sv>", "a.svl:1: a point without a model's",
         BASE_EFORMAT},
        {"a.svl", "<sv><model sampleRate=\"x\"/></sv>", "a.svl:1: sampleRate='x' is no number",
         BASE_EFORMAT},
        {"a.xml", "<a><event/></a>", "a.xml:1: an event without onsetSec", BASE_EFORMAT},
        {"a.xml", "<a><event><onsetSec>-1</onsetSec></event></a>", "a.xml:1: -1 is no time",
         BASE_EFORMAT},
        {"a.xml", "<a>", "a.xml:1: ", BASE_EFORMAT},
        {"a.mid", "MThd", "a.mid: not a MIDI file", BASE_EFORMAT},
        {"a.doc", "1 kick\n", "a.doc: annotations are read from csv", BASE_EFORMAT}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        TEST_FAILS(read_text(cases[i].name, cases[i].text), cases[i].status, err, cases[i].part);
    }
    TEST_FAILS(data_annotation_read("nowhere.csv", "song.wav", &arena, &a, &err), BASE_ENOTFOUND,
               err, "nowhere.csv");
}
END_TEST

/* Two tracks: 96 ticks a beat at 120, then 60 beats a minute from the second beat on. */
static const unsigned char midi[] = {'M',  'T',  'h',  'd',  0,    0,    0,    6,    0,    1,
                                     0,    2,    0,    96,   'M',  'T',  'r',  'k',  0,    0,
                                     0,    11,   96,   0xFF, 0x51, 3,    0x0F, 0x42, 0x40, 0,
                                     0xFF, 0x2F, 0,    'M',  'T',  'r',  'k',  0,    0,    0,
                                     27,   0,    0x99, 36,   100, /* drums: a kick at once, */
                                     0,    0x90, 60,   100,       /* a note on another channel, */
                                     96,   0x99, 38,   90,        /* a snare after a beat, */
                                     0,    38,   0,        /* its end, with the status as before, */
                                     48,   0x99, 1,    90, /* an unknown key half a beat later */
                                     0,    0xF0, 1,    0xF7, 0,    0xFF, 0x2F};

START_TEST(midi_follows_its_tempo) {
    unsigned char bytes[sizeof midi + 1];
    memcpy(bytes, midi, sizeof midi);
    bytes[sizeof midi] = 0;
    TEST_OK(read_bytes("a.mid", bytes, sizeof bytes), err);
    ck_assert_str_eq(told(), "0 Bass Drum 1|0.5 Acoustic Snare|1 key 1|");
    bytes[42] = bytes[50] = bytes[57] = 0x90; /* without channel 10 all channels count */
    TEST_OK(read_bytes("a.mid", bytes, sizeof bytes), err);
    ck_assert_int_eq(a.n, 4);
    data_annotation_release(&a);
    /* Cut off anywhere it is an error or a shorter song, and no more than that. */
    for (size_t n = 1; n < sizeof bytes; n++) {
        base_status status = read_bytes("a.mid", bytes, n);
        ck_assert(status == BASE_OK || status == BASE_EFORMAT || status == BASE_EDATA);
        data_annotation_release(&a);
    }
}
END_TEST

START_TEST(what_is_struck_together_is_joined) {
    TEST_OK(read_text("a.txt", "0.5 HH\n0.51 KD\n0.52 HH\n0.54 SD\n1\n1.01 KD\n"), err);
    TEST_OK(data_annotation_join(&a, 0.03, &err), err);
    ck_assert_str_eq(told(), "0.5 HH+KD|0.54 SD|1 KD|");
}
END_TEST

START_TEST(past_the_end_is_told) {
    TEST_OK(read_text("a.txt", "0.5 HH\n2 KD\n"), err);
    TEST_OK(data_annotation_check(&a, 2.1, &err), err);
    TEST_FAILS(data_annotation_check(&a, 2, &err), BASE_EDATA, err,
               "a.txt:2: 2 s lies past the end of the recording (2 s)");
    data_annotation_release(&a);
}
END_TEST

START_TEST(annotations_are_found_by_name) {
    const char *path, *folder = test_folder();
    const char *txt = sound_write_text(&arena, folder, "s.1.txt", "");
    TEST_OK(data_annotation_find(base_path_join(&arena, folder, "s.1"), &arena, &path, &err), err);
    ck_assert_str_eq(path, txt);
    TEST_OK(data_annotation_find(txt, &arena, &path, &err), err);
    ck_assert_str_eq(path, txt);
    TEST_OK(data_annotation_find(base_path_join(&arena, folder, "s"), &arena, &path, &err), err);
    ck_assert_ptr_null(path);
}
END_TEST

TEST_MAIN("data/annotation", every_layout_is_read, errors_name_file_and_line,
          midi_follows_its_tempo, what_is_struck_together_is_joined, past_the_end_is_told,
          annotations_are_found_by_name)
