#include <stdio.h>

void say(const char *text);
void answer_all(void);

void say(const char *text) {
    fputs(text, stdout);
}

int main(void) {
    answer_all();
    return 0;
}
