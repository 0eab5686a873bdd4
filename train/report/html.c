#include "train/report/html.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char style[] =
    ":root{--ink:#1c2129;--muted:#666d78;--line:#dfe2e6;--accent:#10618e;--pale:#9fc0d2;"
    "color-scheme:light}\n"
    "*{box-sizing:border-box}\n"
    "html{-webkit-text-size-adjust:100%}\n"
    "body{margin:0 auto;max-width:61rem;padding:3.5rem 1.5rem 4rem;background:#fff;"
    "color:var(--ink);font:1rem/1.55 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica "
    "Neue\","
    "Arial,sans-serif;font-variant-numeric:tabular-nums}\n"
    "h1{font-size:2.1rem;line-height:1.2;letter-spacing:-.02em;margin:0 0 .4rem;"
    "overflow-wrap:anywhere}\n"
    "h2{font-size:1.2rem;line-height:1.3;margin:3.2rem 0 .9rem;padding-top:.9rem;"
    "border-top:2px solid var(--ink)}\n"
    "p{margin:.5rem 0;max-width:44rem}\n"
    ".over{color:var(--accent);font-weight:600;font-size:.85rem;margin:0 0 .5rem}\n"
    ".lead{font-size:1.06rem;max-width:none}\n"
    ".note,figcaption,footer{color:var(--muted);font-size:.88rem}\n"
    ".figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(10rem,1fr));"
    "gap:1.6rem 1.5rem;margin:2.4rem 0 0}\n"
    ".figures div{border-top:1px solid var(--line);padding-top:.7rem}\n"
    ".figures dt{color:var(--muted);font-size:.88rem}\n"
    ".figures dd{margin:0;font-size:1.75rem;font-weight:600;letter-spacing:-.02em;"
    "line-height:1.25;white-space:nowrap}\n"
    ".figures .first dd{color:var(--accent)}\n"
    ".figures small{display:block;font-size:.8rem;font-weight:400;letter-spacing:0;"
    "color:var(--muted);line-height:1.5}\n"
    ".scroll{overflow-x:auto;-webkit-overflow-scrolling:touch}\n"
    "table{border-collapse:collapse;width:100%;font-size:.94rem}\n"
    "th,td{text-align:left;vertical-align:baseline;padding:.42rem .9rem .42rem 0;"
    "border-bottom:1px solid var(--line)}\n"
    "th{font-weight:400;color:var(--muted);font-size:.85rem;white-space:nowrap;"
    "vertical-align:bottom}\n"
    "td:last-child,th:last-child{padding-right:0}\n"
    ".n{text-align:right;white-space:nowrap}\n"
    ".n+:not(.n){padding-left:1.2rem}\n"
    "tr.sum td{border-bottom-color:transparent;font-weight:600}\n"
    "tr.sum+tr.sum td{font-weight:400;color:var(--muted);padding-top:0}\n"
    ".bar{white-space:nowrap;min-width:11rem}\n"
    ".bar i{display:inline-block;border-top:.55rem solid var(--accent);margin-right:.55rem;"
    "vertical-align:.02rem}\n"
    ".file{overflow-wrap:anywhere;min-width:9.5rem}\n"
    ".file span{color:var(--muted)}\n"
    ".pair{display:grid;grid-template-columns:max-content 1fr;gap:.5rem 1.2rem;"
    "align-items:center;margin:1.2rem 0}\n"
    ".pair b{font-weight:600;margin-left:.6rem;white-space:nowrap}\n"
    ".pair small{color:var(--muted);white-space:nowrap}\n"
    ".pair i{display:inline-block;vertical-align:middle;border-top:1.1rem solid var(--accent)}\n"
    ".pair .other{border-top-color:var(--pale)}\n"
    "figure{margin:0;min-width:0}\n"
    "figure "
    "svg{display:block;max-width:100%;min-width:var(--least);height:auto;margin-left:-3px}\n"
    "figcaption{padding-top:.2rem}\n"
    ".side{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));"
    "gap:1rem 1.5rem;align-items:start}\n"
    ".facts{display:grid;grid-template-columns:max-content 1fr;gap:.3rem 1.4rem;margin:0 0 1rem}\n"
    ".facts dt{color:var(--muted)}\n"
    ".facts dd{margin:0;overflow-wrap:anywhere}\n"
    "ul{padding-left:1.1rem;max-width:44rem}\n"
    "summary{cursor:pointer;color:var(--accent)}\n"
    "pre{font:.84rem/1.5 ui-monospace,Menlo,Consolas,\"DejaVu Sans Mono\",monospace;"
    "white-space:pre-wrap;overflow-wrap:anywhere;border-left:2px solid var(--line);"
    "padding-left:1rem}\n"
    "footer{margin-top:3.5rem;padding-top:.9rem;border-top:1px solid var(--line)}\n"
    "audio{display:block;width:15rem;height:2rem}\n"
    "td pre{margin:0;border:0;padding:0}\n"
    ".whisker{width:100%;min-width:9rem;max-width:18rem;height:1.3rem;display:block}\n"
    "@media (max-width:36rem){\n"
    "body{padding:1.8rem 1rem 3rem}\n"
    "h1{font-size:1.7rem}\n"
    ".figures{grid-template-columns:1fr 1fr;gap:1.2rem 1rem}\n"
    ".figures dd{font-size:1.45rem}\n"
    ".pair{grid-template-columns:1fr;gap:.15rem}\n"
    ".pair>:nth-child(even){margin-bottom:.6rem}\n"
    "table{font-size:.88rem}\n"
    "th,td{padding-right:.6rem}\n"
    ".file{min-width:7.5rem}}\n"
    "@media print{\n"
    "@page{margin:16mm 15mm}\n"
    "body{padding:0;max-width:none;font-size:10pt}\n"
    "h2{margin-top:1.6rem;break-after:avoid}\n"
    "figure,tr,.figures div,.pair{break-inside:avoid}\n"
    "figure svg{min-width:0;width:auto;max-height:min(175mm,calc(1.1*var(--least)))}\n"
    ".figures{grid-template-columns:repeat(5,1fr);gap:1rem;margin-top:1.5rem}\n"
    ".figures dt{font-size:.76rem;white-space:nowrap}\n"
    ".figures dd{font-size:1.25rem}\n"
    ".figures small{font-size:.68rem}\n"
    ".scroll{overflow:visible}\n"
    ".side{grid-template-columns:1fr 1fr}\n"
    "details:not([open]){display:none}}\n";

void train_html_begin(base_text *page, const char *title) {
    base_text_add(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                        "<title>");
    base_text_add_html(page, title);
    base_text_add(page, "</title>\n<style>\n");
    base_text_add(page, style);
    base_text_add(page, "</style>\n</head>\n<body>\n");
}

void train_html_end(base_text *page, const char *version) {
    base_text_add(
        page,
        "<footer>Balanced accuracy is the mean recall over the classes. "
        "± is the standard deviation over the folds; intervals are 95 % bootstrap "
        "intervals of the mean. Calibration error: the mean gap between confidence "
        "and accuracy over 15 bins, of the clips of all folds together. Pictures and the table of "
        "classes count these, too. Made by rimshot ");
    base_text_add_html(page, version);
    base_text_add(page, ".</footer>\n</body>\n</html>\n");
}

void train_html_section(base_text *page, const char *title) {
    base_text_add(page, "<h2>");
    base_text_add_html(page, title);
    base_text_add(page, "</h2>\n");
}

void train_html_paragraph(base_text *page, const char *css_class, const char *text) {
    base_text_printf(page, "<p class=\"%s\">", css_class);
    base_text_add_html(page, text);
    base_text_add(page, "</p>\n");
}

void train_html_table_begin(base_text *page, const char *const *headings, int n) {
    base_text_add(page, "<div class=\"scroll\"><table>\n<thead><tr>");
    for (int i = 0; i < n; i++) {
        bool number = headings[i][0] == '#';
        base_text_add(page, number ? "<th class=\"n\">" : "<th>");
        base_text_add_html(page, headings[i] + number);
        base_text_add(page, "</th>");
    }
    base_text_add(page, "</tr></thead>\n<tbody>\n");
}

void train_html_add_heading(train_html_headings *headings, const char *heading) {
    headings->items[headings->n++] = heading;
}

void train_html_add_metrics(train_html_headings *headings) {
    for (int m = 0; m < train_n_metrics(); m++) {
        headings->of_metric[m][0] = '#';
        train_metric_heading(train_metric_at(m)->name, headings->of_metric[m] + 1);
        train_html_add_heading(headings, headings->of_metric[m]);
    }
}

void train_html_table_end(base_text *page) {
    base_text_add(page, "</tbody></table></div>\n");
}

void train_html_text_cell(base_text *page, const char *text) {
    base_text_add(page, "<td>");
    base_text_add_html(page, text);
    base_text_add(page, "</td>");
}

void train_html_cell(base_text *page, const char *html) {
    base_text_printf(page, "<td class=\"n\">%s</td>", html);
}

void train_html_bar_cell(base_text *page, double share) {
    char text[TRAIN_HTML_NUMBER];
    base_text_printf(page, "<td class=\"bar\"><i style=\"width:%.2frem\"></i>%s</td>",
                     7 * fmax(share, 0.004), train_html_percent(share, text));
}

void train_html_file_cell(base_text *page, const char *path) {
    const char *name = base_path_name(path), *start = name;
    if (start > path) start--;
    while (start > path && start[-1] != '/') start--;
    base_arena arena = {0};
    char *folder = base_arena_copy(&arena, start, (size_t)(name - start));
    page->failed |= folder == NULL;
    base_text_add(page, "<td class=\"file\"><span>");
    base_text_add_html(page, folder != NULL ? folder : "");
    base_text_add(page, "</span>");
    base_text_add_html(page, name);
    base_text_add(page, "</td>");
    base_arena_release(&arena);
}

base_status train_html_player_cell(base_text *page, const train_run *run, int64_t clip,
                                   const train_sounds *sounds, base_error *err) {
    const char *href = NULL;
    if (sounds == NULL) return BASE_OK;
    BASE_TRY(sounds->find(sounds->context, run, &run->main.predictions.clip[clip], &href, err));
    base_text_add(page, "<td>");
    if (href != NULL) {
        base_text_add(page, "<audio controls preload=\"none\" src=\"");
        base_text_add_html(page, href);
        base_text_add(page, "\"></audio>");
    } else {
        base_text_add(page, HTML_DASH);
    }
    base_text_add(page, "</td>");
    return BASE_OK;
}

const char *train_html_percent(double share, char text[TRAIN_HTML_NUMBER]) {
    snprintf(text, TRAIN_HTML_NUMBER, isfinite(share) ? "%.1f\u202F%%" : HTML_DASH, 100 * share);
    return text;
}

const char *train_html_decimal(double value, char text[TRAIN_HTML_NUMBER]) {
    snprintf(text, TRAIN_HTML_NUMBER, isfinite(value) ? "%.3f" : HTML_DASH, value);
    return text;
}

const char *train_html_metric(int metric, double value, char text[TRAIN_HTML_NUMBER]) {
    return train_metric_at(metric)->is_share ? train_html_percent(value, text)
                                             : train_html_decimal(value, text);
}

const char *train_html_count(int64_t value, char text[TRAIN_HTML_NUMBER]) {
    return base_thousands(value, text);
}

static base_status read_svg(const train_html_picture *picture, void **data, base_error *err) {
    base_arena arena = {0};
    size_t n_bytes;
    const char *path = base_arena_printf(&arena, "%s/%s.svg", picture->folder, picture->name);
    base_status status = path != NULL
                             ? base_file_read(path, 0, data, &n_bytes, err)
                             : base_fail(err, BASE_EMEMORY, "%s: out of memory", picture->name);
    base_arena_release(&arena);
    return status;
}

base_status train_html_figure(base_text *page, const train_html_picture *picture, base_error *err) {
    static const char opening[] = "<svg ";
    void *data = NULL;
    BASE_TRY(read_svg(picture, &data, err));
    const char *svg = strstr(data, opening);
    if (svg != NULL) {
        base_text_add(page, "<figure><div class=\"scroll\">");
        base_text_printf(page, "<svg role=\"img\" style=\"--least:%dpx\" aria-label=\"",
                         picture->min_width_px);
        base_text_add_html(page, picture->description);
        base_text_add(page, "\" ");
        base_text_add(page, svg + strlen(opening));
        base_text_printf(page, "</div><figcaption>%s.svg, %s.png</figcaption></figure>\n",
                         picture->name, picture->name);
    }
    base_free(data);
    return BASE_OK;
}
