#include "infer/library/kit_files.h"

#include <string.h>

static void add_tag(base_text *out, const char *tag, const char *text) {
    base_text_printf(out, "<%s>", tag);
    base_text_add_html(out, text);
    base_text_printf(out, "</%s>\n", tag);
}

/* ---- Hydrogen ---- */

static void add_layers(const library_drum *drum, const char *const *files, base_text *out) {
    base_text_add(out, "<instrumentComponent>\n<component_id>0</component_id>\n<gain>1</gain>\n");
    for (int i = 0; i < drum->n_picks; i++) {
        base_text_add(out, "<layer>\n");
        add_tag(out, "filename", files[i]);
        base_text_add(out, "<min>0</min>\n<max>1</max>\n<gain>1</gain>\n<pitch>0</pitch>\n"
                           "</layer>\n");
    }
    base_text_add(out, "</instrumentComponent>\n");
}

static void add_instrument(const library_drum *drum, int id, const char *const *files,
                           base_text *out) {
    base_text_printf(out, "<instrument>\n<id>%d</id>\n", id);
    add_tag(out, "name", drum->name);
    base_text_add(out, "<volume>1</volume>\n<isMuted>false</isMuted>\n<isSoloed>false</isSoloed>\n"
                       "<pan>0</pan>\n<pitchOffset>0</pitchOffset>\n"
                       "<randomPitchFactor>0</randomPitchFactor>\n<gain>1</gain>\n"
                       "<applyVelocity>true</applyVelocity>\n<filterActive>false</filterActive>\n"
                       "<filterCutoff>1</filterCutoff>\n<filterResonance>0</filterResonance>\n"
                       "<Attack>0</Attack>\n<Decay>0</Decay>\n<Sustain>1</Sustain>\n"
                       "<Release>1000</Release>\n");
    base_text_printf(out, "<muteGroup>%d</muteGroup>\n<midiOutChannel>-1</midiOutChannel>\n",
                     drum->choke - 1);
    base_text_printf(out, "<midiOutNote>%d</midiOutNote>\n<isStopNote>false</isStopNote>\n",
                     drum->note);
    add_tag(out, "sampleSelectionAlgo", drum->n_picks > 1 ? "ROUND_ROBIN" : "VELOCITY");
    base_text_add(out, "<isHihat>-1</isHihat>\n<lower_cc>0</lower_cc>\n"
                       "<higher_cc>127</higher_cc>\n<FX1Level>0</FX1Level>\n"
                       "<FX2Level>0</FX2Level>\n<FX3Level>0</FX3Level>\n<FX4Level>0</FX4Level>\n");
    add_layers(drum, files, out);
    base_text_add(out, "</instrument>\n");
}

void library_kit_add_hydrogen(const library_kit_files *files, base_text *out) {
    const char *const *next = files->files;
    base_text_add(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<drumkit_info "
                       "xmlns=\"http://www.hydrogen-music.org/drumkit\">\n");
    add_tag(out, "name", files->name);
    base_text_add(out, "<author>rimshot</author>\n"
                       "<info>Sounds chosen from a library by a model.</info>\n"
                       "<license>undefined license</license>\n<image></image>\n"
                       "<imageLicense>undefined license</imageLicense>\n"
                       "<componentList>\n<drumkitComponent>\n<id>0</id>\n<name>Main</name>\n"
                       "<volume>1</volume>\n</drumkitComponent>\n</componentList>\n"
                       "<instrumentList>\n");
    for (int i = 0; i < files->kit->n_drums; i++) {
        add_instrument(&files->kit->drums[i], i, next, out);
        next += files->kit->drums[i].n_picks;
    }
    base_text_add(out, "</instrumentList>\n</drumkit_info>\n");
}

/* ---- SFZ ---- */

/* What an opcode's value or a comment would end at, and variables. */
static void add_plain(base_text *out, const char *text) {
    for (; *text != '\0'; text++) {
        bool plain = (unsigned char)*text >= ' ' && strchr("/<>=$#", *text) == NULL;
        base_text_add_bytes(out, plain ? text : "_", 1);
    }
}

static void add_group(const library_drum *drum, const char *const *files, base_text *out) {
    base_text_add(out, "\n<group> group_label=");
    add_plain(out, drum->name);
    base_text_printf(out, "\nkey=%d pitch_keycenter=%d loop_mode=one_shot", drum->note, drum->note);
    if (drum->choke > 0) {
        base_text_printf(out, " group=%d off_by=%d off_mode=fast", drum->choke, drum->choke);
    }
    if (drum->n_picks > 1) base_text_printf(out, " seq_length=%d", drum->n_picks);
    base_text_add(out, "\n");
    for (int i = 0; i < drum->n_picks; i++) {
        base_text_add(out, "<region>");
        if (drum->n_picks > 1) base_text_printf(out, " seq_position=%d", i + 1);
        base_text_printf(out, " sample=samples/%s\n", files[i]);
    }
}

void library_kit_add_sfz(const library_kit_files *files, base_text *out) {
    const char *const *next = files->files;
    base_text_add(out, "// ");
    add_plain(out, files->name);
    base_text_add(out, "\n");
    for (int i = 0; i < files->kit->n_drums; i++) {
        add_group(&files->kit->drums[i], next, out);
        next += files->kit->drums[i].n_picks;
    }
}

/* ---- Decent Sampler ---- */

static void add_samples(const library_drum *drum, const char *const *files, base_text *out) {
    base_text_add(out, "    <group name=\"");
    base_text_add_html(out, drum->name);
    base_text_add(out, "\"");
    if (drum->n_picks > 1) base_text_add(out, " seqMode=\"round_robin\"");
    if (drum->choke > 0) {
        base_text_printf(out, " tags=\"choke%d\" silencedByTags=\"choke%d\" silencingMode=\"fast\"",
                         drum->choke, drum->choke);
    }
    base_text_add(out, ">\n");
    for (int i = 0; i < drum->n_picks; i++) {
        base_text_add(out, "      <sample path=\"samples/");
        base_text_add_html(out, files[i]);
        base_text_printf(out, "\" rootNote=\"%d\" loNote=\"%d\" hiNote=\"%d\"", drum->note,
                         drum->note, drum->note);
        if (drum->n_picks > 1) base_text_printf(out, " seqPosition=\"%d\"", i + 1);
        base_text_add(out, "/>\n");
    }
    base_text_add(out, "    </group>\n");
}

void library_kit_add_decent(const library_kit_files *files, base_text *out) {
    const char *const *next = files->files;
    base_text_add(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                       "<DecentSampler minVersion=\"1.0.0\">\n"
                       "  <groups attack=\"0\" decay=\"0\" sustain=\"1\" release=\"30\" "
                       "ampVelTrack=\"1\">\n");
    for (int i = 0; i < files->kit->n_drums; i++) {
        add_samples(&files->kit->drums[i], next, out);
        next += files->kit->drums[i].n_picks;
    }
    base_text_add(out, "  </groups>\n</DecentSampler>\n");
}
