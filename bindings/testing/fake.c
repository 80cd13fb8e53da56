/* A stand-in for the library, of any VERSION: refuses every session, with the options as the sentence. */
#define SONORAN_API
#include "sonoran.h"

#include <stdio.h>

static char sentence[65536];

sonoran_session sonoran_connect(const char *options_json)
{
    snprintf(sentence, sizeof sentence, "%s", options_json);
    return SONORAN_E_OPTION;
}
const char *sonoran_last_error(void) { return sentence; }
const char *sonoran_version(void) { return VERSION; }
const char *sonoran_error_name(int32_t code) { return code == 0 ? "ok" : "unknown"; }

/* These never have a session. */
char *sonoran_poll_event(sonoran_session session) { (void)session; return NULL; }
char *sonoran_wait_event(sonoran_session session, int32_t timeout_ms) { (void)session, (void)timeout_ms; return NULL; }
char *sonoran_stats(sonoran_session session) { (void)session; return NULL; }
void sonoran_free(char *string) { (void)string; }
sonoran_session sonoran_wait_any(const sonoran_session *sessions, int32_t count, int32_t timeout_ms)
{
    (void)sessions, (void)count, (void)timeout_ms;
    return SONORAN_E_SESSION;
}
intptr_t sonoran_wait_handle(sonoran_session session) { (void)session; return SONORAN_E_SESSION; }
int32_t sonoran_wake(sonoran_session session) { (void)session; return SONORAN_E_SESSION; }
int32_t sonoran_disconnect(sonoran_session session) { (void)session; return SONORAN_E_SESSION; }
int32_t sonoran_state(sonoran_session session) { (void)session; return SONORAN_E_SESSION; }
int32_t sonoran_invoke(sonoran_session session, const char *method, const char *arguments_json)
{
    (void)session;
    snprintf(sentence, sizeof sentence, "%s%s", method, arguments_json);
    return SONORAN_E_SESSION;
}
int32_t sonoran_send_unit_locations(sonoran_session session, const char *updates_json)
{
    (void)session;
    snprintf(sentence, sizeof sentence, "%s", updates_json);
    return SONORAN_E_SESSION;
}
int32_t sonoran_ingest(sonoran_session session, const char *body)
{
    (void)session;
    snprintf(sentence, sizeof sentence, "%s", body);
    return SONORAN_E_SESSION;
}
int32_t sonoran_shutdown(int32_t timeout_ms) { (void)timeout_ms; return 0; }
