/* bad_calls OPTIONS : every wrong argument of the functions that send. The session continues. */
#include "host.h"

static sonoran_session session;

static int32_t method(const char *text)
{
    return sonoran_invoke(session, text, "[]");
}

static int32_t arguments(const char *text)
{
    return sonoran_invoke(session, "echo", text);
}

static int32_t units(const char *text)
{
    return sonoran_send_unit_locations(session, text);
}

static int32_t ingest(const char *text)
{
    return sonoran_ingest(session, text);
}

static const struct {
    int32_t (*call)(const char *);
    const char *text;
    int32_t code;
    const char *named; /* stands in the sentence */
} wrong[] = {
    {method, NULL, SONORAN_E_ARGUMENT, "method"},
    {method, "\xff", SONORAN_E_ARGUMENT, "method"},
    {method, "", SONORAN_E_JSON, "method"},
    {arguments, NULL, SONORAN_E_ARGUMENT, "arguments_json"},
    {arguments, "[\"\xc3\"]", SONORAN_E_ARGUMENT, "arguments_json"},
    {arguments, "", SONORAN_E_JSON, "arguments_json"},
    {arguments, "{}", SONORAN_E_JSON, "arguments_json"},
    {arguments, "[1", SONORAN_E_JSON, "arguments_json"},
    {arguments, "[1,]", SONORAN_E_JSON, "arguments_json"},
    {arguments, "[1] 2", SONORAN_E_JSON, "arguments_json"},
    {units, NULL, SONORAN_E_ARGUMENT, "updates_json"},
    {units, "[{\"location\":\"\xff\"}]", SONORAN_E_ARGUMENT, "updates_json"},
    {units, "", SONORAN_E_JSON, "updates_json"},
    {units, "{\"location\":\"x\",\"identId\":1}", SONORAN_E_JSON, "updates_json"},
    {units, "[{\"location\":\"x\",\"identId\":1}", SONORAN_E_JSON, "updates_json"},
    {units, "[1]", SONORAN_E_UNIT, "update 0"},
    {units, "[{}]", SONORAN_E_UNIT, "location"},
    {units, "[{\"location\":\"x\"}]", SONORAN_E_UNIT, "communityUserId"},
    {units, "[{\"location\":\"x\",\"identId\":null}]", SONORAN_E_UNIT, "communityUserId"},
    {units, "[{\"location\":\"x\",\"identId\":1},{\"location\":7,\"identId\":2}]", SONORAN_E_UNIT, "update 1: location"},
    {units, "[{\"location\":\"x\",\"roblox\":\"7\"}]", SONORAN_E_UNIT, "roblox"},
    {units, "[{\"location\":\"x\",\"apiId\":\"\"}]", SONORAN_E_UNIT, "apiId"},
    {units, "[{\"location\":\"x\",\"apiId\":\"a\",\"coordinates\":[1,2]}]", SONORAN_E_UNIT, "coordinates"},
    {units, "[{\"location\":\"x\",\"apiId\":\"a\",\"vehicle\":\"car\"}]", SONORAN_E_UNIT, "vehicle"},
    {ingest, NULL, SONORAN_E_ARGUMENT, "body"},
    {ingest, "\xfe", SONORAN_E_ARGUMENT, "body"},
    {ingest, "", SONORAN_E_JSON, "body"},
    {ingest, "[]", SONORAN_E_JSON, "body"},
    {ingest, "{\"key\":\"demo-key\"", SONORAN_E_JSON, "body"},
    {ingest, "{\"key\":\"demo-key\"}", SONORAN_E_JSON, "type"},
    {ingest, "{\"key\":\"demo-key\",\"type\":7}", SONORAN_E_JSON, "type"},
    {ingest, "{}", SONORAN_E_KEY, "key"},
    {ingest, "{\"key\":\"demo\",\"type\":\"EVENT_TONE\"}", SONORAN_E_KEY, "key"},
    {ingest, "{\"key\":7,\"type\":\"EVENT_TONE\"}", SONORAN_E_KEY, "key"},
    {ingest, "{\"key\":\"demo-key\",\"key\":\"\",\"type\":\"EVENT_TONE\"}", SONORAN_E_KEY, "key"},
};

static void expect_refused(int32_t (*call)(const char *), const char *text, int32_t code, const char *named)
{
    int32_t given = call(text);
    const char *sentence = sonoran_last_error();

    if (given != code || !strstr(sentence, named) || strstr(sentence, "demo-key") || strlen(sentence) > 1000) {
        fprintf(stderr, "%.200s: gave %d: %s\n", text ? text : "NULL", (int)given, sentence);
        exit(1);
    }
}

static void expect_refused_large(int32_t (*call)(const char *), const char *before, size_t size, const char *after)
{
    char *text = long_text(before, 'x', size, after);
    expect_refused(call, text, SONORAN_E_TOO_LARGE, "bytes");
    free(text);
}

int main(int argc, char **argv)
{
    (void)argc;
    session = connected(argv[1]);
    await_event(session, "SESSION_READY");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_refused(wrong[i].call, wrong[i].text, wrong[i].code, wrong[i].named);
    expect_refused_large(method, "", 40000, "");
    expect_refused_large(arguments, "[\"", 40000, "\"]");
    expect_refused_large(units, "[{\"location\":\"", 2 << 20, "\",\"identId\":1}]");
    expect_refused_large(ingest, "{\"key\":\"demo-key\",\"type\":\"", 20 << 20, "\"}");

    CHECK(arguments("[\"as before\"]") > 0);
    await_event(session, "\"SESSION_CALL_RESULT\"");
    CHECK(units("[]") == 0 && units("[{\"location\":\"x\",\"identId\":1}]") == 0);
    CHECK(ingest("{\"key\":\"DEMO-KEY\",\"type\":\"EVENT_TONE\"}") == 0);
    await_event(session, "{\"key\":\"DEMO-KEY\",\"type\":\"EVENT_TONE\"}");
    CHECK(sonoran_disconnect(session) == 0);
    CHECK(arguments("[]") == SONORAN_E_CLOSED && units("[]") == SONORAN_E_CLOSED);
    CHECK(ingest("{\"key\":\"demo-key\",\"type\":\"EVENT_TONE\"}") == SONORAN_E_CLOSED);
    await_event(session, "\"SESSION_CLOSED\"");
    return sonoran_shutdown(60000);
}
