/* The server from outside: over a socket, and in a browser where there is one. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "tests/model_make.h"
#include "tests/program.h"
#include "tests/test.h"

static base_arena arena;

static const char *make_folder(void) {
    const char *folder = test_folder();
    model_make(base_path_join(&arena, folder, "model.h5"), 1);
    return folder;
}

/* Starts it at any free port, which it prints. */
typedef struct {
    const char *folder;
    pid_t process;
    int port;
} server;

static server start_server(const char *folder) {
    server s = {folder, program_start(folder, "exec $RIMSHOT serve model.h5 --port 0 >address"), 0};
    const char *path = base_path_join(&arena, folder, "address");
    for (int i = 0; i < 1000 && s.port == 0; i++) {
        base_error err;
        void *text;
        size_t n;
        usleep(10000);
        if (base_file_read(path, 0, &text, &n, &err) != BASE_OK) continue;
        const char *at = strstr(text, "127.0.0.1:");
        if (at != NULL && strchr(at, '/') != NULL) s.port = atoi(at + 10);
        base_free(text);
    }
    ck_assert_int_gt(s.port, 0);
    return s;
}

static program_end stop_server(const server *s) {
    kill(s->process, SIGINT);
    return program_wait(s->process, s->folder);
}

/* Sends the text as it stands; the answer's beginning. */
static const char *talk(const server *s, const char *text) {
    static char answer[4096];
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)s->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
    size_t n = 0;
    for (ssize_t got = 1; got > 0 && n < sizeof answer - 1; n += (size_t)(got > 0 ? got : 0)) {
        got = recv(fd, answer + n, sizeof answer - 1 - n, 0);
    }
    answer[n] = '\0';
    close(fd);
    return answer;
}

static const char *ask(const server *s, const char *line, const char *headers) {
    char text[512];
    snprintf(text, sizeof text, "%s HTTP/1.1\r\nConnection: close\r\n%s\r\n", line, headers);
    return talk(s, text);
}

START_TEST(it_serves_its_page_alone) {
    server s = start_server(make_folder());
    char host[64];
    snprintf(host, sizeof host, "Host: localhost:%d\r\n", s.port);
    const char *page = ask(&s, "GET /", host);
    ck_assert_ptr_nonnull(strstr(page, "HTTP/1.1 200"));
    ck_assert_ptr_nonnull(strstr(page, "<!doctype html>"));
    ck_assert_ptr_nonnull(strstr(page, "nosniff"));
    ck_assert_ptr_nonnull(strstr(ask(&s, "GET /", "Host: evil.example\r\n"), "HTTP/1.1 403"));
    ck_assert_ptr_nonnull(strstr(ask(&s, "GET /../model.h5", host), "HTTP/1.1 404"));
    ck_assert_ptr_nonnull(strstr(ask(&s, "GET /%2e%2e/model.h5", host), "HTTP/1.1 404"));
    ck_assert_ptr_nonnull(strstr(ask(&s, "GET /classify", host), "Allow: POST"));
    ck_assert_int_eq(stop_server(&s).code, 130);
}
END_TEST

START_TEST(what_is_too_large_is_refused) {
    server s = start_server(make_folder());
    char headers[256];
    snprintf(headers, sizeof headers, "Host: 127.0.0.1:%d\r\nContent-Length: 70000000\r\n", s.port);
    ck_assert_ptr_nonnull(strstr(ask(&s, "POST /classify", headers), "HTTP/1.1 413"));
    snprintf(headers, sizeof headers, "Host: 127.0.0.1:%d\r\nContent-Length: 8\r\n", s.port);
    char text[512];
    snprintf(text, sizeof text, "POST /classify HTTP/1.1\r\nConnection: close\r\n%s\r\nno sound",
             headers);
    const char *answer = talk(&s, text);
    ck_assert_ptr_nonnull(strstr(answer, "HTTP/1.1 422"));
    ck_assert_ptr_nonnull(strstr(answer, "not an audio file"));
    ck_assert_int_eq(stop_server(&s).code, 130);
}
END_TEST

START_TEST(a_port_in_use_is_one_line) {
    server s = start_server(make_folder());
    char command[128], said[128];
    snprintf(command, sizeof command, "$RIMSHOT serve model.h5 --port %d", s.port);
    snprintf(said, sizeof said, "127.0.0.1:%d: Address already in use; --port names another",
             s.port);
    const char *other = make_folder();
    program_expect(other, command, 1, said);
    program_expect(other, "$RIMSHOT serve model.h5 --port 70000", 2, "--port");
    program_expect(other, "$RIMSHOT serve nowhere.h5", 1, "nowhere.h5");
    program_expect(other, "$RIMSHOT serve model.h5 --index none.h5", 1, "none.h5");
    program_end end = stop_server(&s);
    ck_assert_int_eq(end.code, 130);
    ck_assert_str_eq(end.err, "");
}
END_TEST

START_TEST(the_page_works_in_a_browser) {
    const char *folder = make_folder();
    char command[1024];
    program_expect(folder, "$RIMSHOT data synth drums --per-class 1 >/dev/null", 0, NULL);
    program_expect(folder, "$RIMSHOT index model.h5 drums >/dev/null", 0, NULL);
    snprintf(command, sizeof command,
             "${PYTHON:-python3} '%s' \"$RIMSHOT\" model.h5 drums . drums >said 2>&1; code=$?; "
             "tail -3 said >&2; test $code = 77 && exit 77; exit $code",
             test_path("cli/check_serve.py"));
    program_end end = program_run(folder, command);
    ck_assert_msg(end.code == 0 || end.code == 77, "%s", end.err);
    if (end.code == 77) printf("the_page_works_in_a_browser: %s", end.err);
}
END_TEST

TEST_MAIN("cli/serve", it_serves_its_page_alone, what_is_too_large_is_refused,
          a_port_in_use_is_one_line, the_page_works_in_a_browser)
