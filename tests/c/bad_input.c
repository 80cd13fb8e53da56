/* bad_input OPTIONS SAME_WITHOUT_REPLACE : a live session beside every wrong argument. It still gets its event. */
#include "host.h"

#include <pthread.h>

/* The required options and one more. */
#define WITH(option) "{\"communityId\":\"c\",\"apiKey\":\"the-key\"," option "}"

static const struct {
    const char *options;
    int32_t code;
    const char *named; /* stands in the sentence */
} wrong[] = {
    {NULL, SONORAN_E_ARGUMENT, "options_json is NULL"},
    {"\xff", SONORAN_E_ARGUMENT, "offset 0"},
    {"{\"communityId\":\"\xc3\x28\"}", SONORAN_E_ARGUMENT, "offset 16"},
    {"{\"communityId\":\"\xed\xa0\x80\"}", SONORAN_E_ARGUMENT, "UTF-8"},
    {"{\"communityId\":\"\xc0\x80\"}", SONORAN_E_ARGUMENT, "UTF-8"},
    {"{\"communityId\":\"\xe2\x82", SONORAN_E_ARGUMENT, "UTF-8"},
    {"", SONORAN_E_JSON, "options_json"},
    {" ", SONORAN_E_JSON, "options_json"},
    {"communityId=c", SONORAN_E_JSON, "options_json"},
    {"{\"communityId\":\"c\"", SONORAN_E_JSON, "options_json"},
    {"{\"communityId\":\"c\",}", SONORAN_E_JSON, "options_json"},
    {"{\"communityId\":\"c\"} {}", SONORAN_E_JSON, "options_json"},
    {"{\"communityId\":\"\\ud800\"}", SONORAN_E_JSON, "options_json"},
    {"null", SONORAN_E_JSON, "object"},
    {"[]", SONORAN_E_JSON, "object"},
    {"\"{}\"", SONORAN_E_JSON, "object"},
    {"1", SONORAN_E_JSON, "object"},
    {"{}", SONORAN_E_OPTION, "communityId"},
    {"{\"communityId\":\"c\"}", SONORAN_E_OPTION, "apiKey"},
    {"{\"communityId\":\"\",\"apiKey\":\"k\"}", SONORAN_E_OPTION, "communityId"},
    {"{\"communityId\":7,\"apiKey\":\"k\"}", SONORAN_E_OPTION, "communityId"},
    {"{\"communityId\":\"c\",\"apiKey\":\"\"}", SONORAN_E_OPTION, "apiKey"},
    {"{\"communityId\":\"c\",\"apiKey\":null}", SONORAN_E_OPTION, "apiKey"},
    {"{\"communityID\":\"c\",\"communityId\":\"c\",\"apiKey\":\"k\"}", SONORAN_E_OPTION, "communityID"},
    {WITH("\"colour\":1"), SONORAN_E_OPTION, "colour"},
    {WITH("\"serverid\":1"), SONORAN_E_OPTION, "serverid"},
    {WITH("\"\":1"), SONORAN_E_OPTION, "\"\""},
    {WITH("\"serverId\":-1"), SONORAN_E_OPTION, "serverId"},
    {WITH("\"serverId\":1.5"), SONORAN_E_OPTION, "serverId"},
    {WITH("\"serverId\":2147483648"), SONORAN_E_OPTION, "serverId"},
    {WITH("\"serverId\":1e400"), SONORAN_E_JSON, "options_json"},
    {WITH("\"serverId\":\"\""), SONORAN_E_OPTION, "serverId"},
    {WITH("\"serverId\":\"one\""), SONORAN_E_OPTION, "serverId"},
    {WITH("\"serverId\":\"-1\""), SONORAN_E_OPTION, "serverId"},
    {WITH("\"serverId\":\" 1\""), SONORAN_E_OPTION, "serverId"},
    {WITH("\"serverId\":true"), SONORAN_E_OPTION, "serverId"},
    {WITH("\"serverId\":[1]"), SONORAN_E_OPTION, "serverId"},
    {WITH("\"url\":\"\""), SONORAN_E_OPTION, "url"},
    {WITH("\"url\":\"api.sonorancad.com\""), SONORAN_E_OPTION, "url"},
    {WITH("\"url\":\"ftp://127.0.0.1/\""), SONORAN_E_OPTION, "url"},
    {WITH("\"url\":\"http://\""), SONORAN_E_OPTION, "url"},
    {WITH("\"url\":\"http://127.0.0.1:99999/\""), SONORAN_E_OPTION, "url"},
    {WITH("\"url\":\"http://127.0.0.1:/a b\\r\\nX: y\""), SONORAN_E_OPTION, "url"},
    {WITH("\"url\":8080"), SONORAN_E_OPTION, "url"},
    {WITH("\"mode\":\"staging\""), SONORAN_E_OPTION, "mode"},
    {WITH("\"mode\":\"development\",\"url\":\"http://127.0.0.1:1/\""), SONORAN_E_OPTION, "mode"},
    {WITH("\"authMethod\":\"password\""), SONORAN_E_OPTION, "authMethod"},
    {WITH("\"negotiate\":1"), SONORAN_E_OPTION, "negotiate"},
    {WITH("\"negotiate\":\"no\""), SONORAN_E_OPTION, "negotiate"},
    {WITH("\"proxy\":\"127.0.0.1:3128\""), SONORAN_E_OPTION, "proxy"},
    {WITH("\"proxy\":\"https://127.0.0.1:3128\""), SONORAN_E_OPTION, "proxy"},
    {WITH("\"proxy\":\"http://127.0.0.1:99999\""), SONORAN_E_OPTION, "proxy"},
    {WITH("\"proxy\":\"\""), SONORAN_E_OPTION, "proxy"},
    {WITH("\"proxy\":{}"), SONORAN_E_OPTION, "proxy"},
    {WITH("\"connectTimeoutMs\":99"), SONORAN_E_OPTION, "connectTimeoutMs"},
    {WITH("\"connectTimeoutMs\":300001"), SONORAN_E_OPTION, "connectTimeoutMs"},
    {WITH("\"handshakeTimeoutMs\":\"15000\""), SONORAN_E_OPTION, "handshakeTimeoutMs"},
    {WITH("\"callTimeoutMs\":600001"), SONORAN_E_OPTION, "callTimeoutMs"},
    {WITH("\"keepAliveMs\":0"), SONORAN_E_OPTION, "keepAliveMs"},
    {WITH("\"serverTimeoutMs\":199"), SONORAN_E_OPTION, "serverTimeoutMs"},
    {WITH("\"keepAliveMs\":30001,\"serverTimeoutMs\":30000"), SONORAN_E_OPTION, "serverTimeoutMs"},
    {WITH("\"retryMinMs\":9"), SONORAN_E_OPTION, "retryMinMs"},
    {WITH("\"retryMaxMs\":3600001"), SONORAN_E_OPTION, "retryMaxMs"},
    {WITH("\"retryMinMs\":2000,\"retryMaxMs\":1000"), SONORAN_E_OPTION, "retryMaxMs"},
    {WITH("\"stableMs\":-1"), SONORAN_E_OPTION, "stableMs"},
    {WITH("\"authRetryMinMs\":999"), SONORAN_E_OPTION, "authRetryMinMs"},
    {WITH("\"authRetryMaxMs\":86400001"), SONORAN_E_OPTION, "authRetryMaxMs"},
    {WITH("\"queueEvents\":0"), SONORAN_E_OPTION, "queueEvents"},
    {WITH("\"queueEvents\":16777217"), SONORAN_E_OPTION, "queueEvents"},
    {WITH("\"queueBytes\":1023"), SONORAN_E_OPTION, "queueBytes"},
    {WITH("\"queueBytes\":18446744073709551616"), SONORAN_E_OPTION, "queueBytes"},
    {WITH("\"maxMessageBytes\":1073741825"), SONORAN_E_OPTION, "maxMessageBytes"},
    {WITH("\"eventKey\":\"remove\""), SONORAN_E_OPTION, "eventKey"},
    {WITH("\"replace\":1"), SONORAN_E_OPTION, "replace"},
    {WITH("\"idleCloseMs\":999"), SONORAN_E_OPTION, "idleCloseMs"},
    {WITH("\"idleCloseMs\":86400001"), SONORAN_E_OPTION, "idleCloseMs"},
    {WITH("\"caFile\":\"/nowhere/ca.pem\""), SONORAN_E_OPTION, "caFile"},
    {WITH("\"caFile\":\"/dev/null\""), SONORAN_E_OPTION, "caFile"},
    {WITH("\"caFile\":true"), SONORAN_E_OPTION, "caFile"},
    {WITH("\"insecureTls\":\"true\""), SONORAN_E_OPTION, "insecureTls"},
    {WITH("\"headers\":[]"), SONORAN_E_OPTION, "headers"},
    {WITH("\"headers\":{\"X\":1}"), SONORAN_E_OPTION, "headers"},
    {WITH("\"headers\":{\"X Y\":\"1\"}"), SONORAN_E_OPTION, "headers"},
    {WITH("\"headers\":{\"X\":\"1\\r\\nY: 2\"}"), SONORAN_E_OPTION, "headers"},
    {WITH("\"headers\":{\"Host\":\"example.com\"}"), SONORAN_E_OPTION, "headers"},
    {WITH("\"log\":\"verbose\""), SONORAN_E_OPTION, "log"},
};

static void expect_refused(const char *options, int32_t code, const char *named)
{
    int32_t given = sonoran_connect(options);
    const char *sentence = sonoran_last_error();

    if (given != code || !strstr(sentence, named) || strstr(sentence, "the-key") || strlen(sentence) > 1000) {
        fprintf(stderr, "%.200s: gave %d: %s\n", options ? options : "NULL", (int)given, sentence);
        exit(1);
    }
}

static void expect_refused_long(const char *before, char filling, size_t size, const char *after, int32_t code,
                                const char *named)
{
    char *text = long_text(before, filling, size, after);
    expect_refused(text, code, named);
    free(text);
}

static void *other_thread(void *unused)
{
    CHECK(*sonoran_last_error() == '\0'); /* each thread has its own */
    CHECK(sonoran_state(-1) == SONORAN_E_SESSION && *sonoran_last_error());
    return unused;
}

int main(int argc, char **argv)
{
    sonoran_session session;
    pthread_t thread;
    char *stats;

    (void)argc;
    CHECK(*sonoran_last_error() == '\0');
    session = connected(argv[1]);
    await_event(session, "SESSION_READY");

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_refused(wrong[i].options, wrong[i].code, wrong[i].named);
    expect_refused_long("", ' ', 2 << 20, "{}", SONORAN_E_TOO_LARGE, "bytes");
    expect_refused_long("{\"communityId\":\"", 'x', 1 << 20, "\"}", SONORAN_E_TOO_LARGE, "bytes");
    expect_refused_long("{\"communityId\":\"c\",\"apiKey\":\"the-key\",\"", 'x', 900000, "\":1}", SONORAN_E_OPTION, "xxx");
    expect_refused_long("{\"communityId\":\"c\",\"apiKey\":\"the-key\",\"url\":\"http://", 'x', 900000, "\"}",
                        SONORAN_E_OPTION, "url");
    expect_refused_long("", '[', 900000, "", SONORAN_E_JSON, "options_json");
    expect_refused_long("{\"communityId\":", '[', 900000, "", SONORAN_E_JSON, "options_json");

    /* the existing session */
    expect_refused(argv[2], SONORAN_E_EXISTS, "replace");
    CHECK(pthread_create(&thread, NULL, other_thread, NULL) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(strstr(sonoran_last_error(), "replace"));

    sonoran_free(NULL);
    for (int32_t code = -40; code < 3; code++) CHECK(*sonoran_error_name(code));
    CHECK(strcmp(sonoran_error_name(SONORAN_E_OPTION), "SONORAN_E_OPTION") == 0);
    CHECK(strcmp(sonoran_error_name(0), "ok") == 0);
    CHECK(strcmp(sonoran_error_name(INT32_MIN), "unknown") == 0);

    /* a wake is kept, once */
    CHECK(sonoran_wake(session) == 0 && sonoran_wake(session) == 0);
    CHECK(sonoran_wait_event(session, -1) == NULL);

    await_event(session, "EVENT_");
    stats = sonoran_stats(session);
    CHECK(stats && strstr(stats, "\"ready\":1"));
    sonoran_free(stats);
    CHECK(sonoran_disconnect(session) == 0);
    CHECK(sonoran_shutdown(-1) == SONORAN_E_TIMEOUT || sonoran_state(session) == SONORAN_E_SESSION);
    CHECK(sonoran_shutdown(60000) >= 0);
    return 0;
}
