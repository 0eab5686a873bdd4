/* What the leak checker overlooks. */
const char *__lsan_default_suppressions(void);

/* fontconfig keeps what it read about the system's fonts as long as the process lives. */
const char *__lsan_default_suppressions(void) {
    return "leak:libfontconfig";
}
