// Tests without a hub: options, ownership, and the sentence of every failure. Built with and without exceptions,
// linked with the library and loading it.
#include "sonoran.hpp"

#include <cstdio>
#include <poll.h>
#include <type_traits>

namespace {

int failures = 0;

void expect(bool held, const char *what, int line) {
    if (held)
        return;
    std::fprintf(stderr, "line %d: expected %s\n", line, what);
    ++failures;
}
#define EXPECT(condition) expect(condition, #condition, __LINE__)

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// A hub that does not exist (nothing listens on port 1), tried once an hour.
sonoran::options nowhere(int server) {
    return sonoran::options()
        .set("communityId", "demo")
        .set("apiKey", "demo-key")
        .set("serverId", server)
        .set("url", "http://127.0.0.1:1/apiWsHub")
        .set("retryMinMs", 3600000)
        .set("retryMaxMs", 3600000);
}

void options_are_json() {
    EXPECT(std::string(sonoran::options()) == "{}");
    const std::string name = "b\"c\\\n\x01\xc3\xbc";
    const long long number = -5;
    const std::string json =
        sonoran::options().set("a", name).set("b", true).set("c", number).set("d", "x").set_json("e", "[null]");
    EXPECT(json == "{\"a\":\"b\\\"c\\\\\\u000a\\u0001\xc3\xbc\",\"b\":true,\"c\":-5,\"d\":\"x\",\"e\":[null]}");
}

void types_are_owners() {
    static_assert(!std::is_copy_constructible_v<sonoran::session> && !std::is_copy_assignable_v<sonoran::session>);
    static_assert(std::is_nothrow_move_constructible_v<sonoran::session>);
    static_assert(std::is_nothrow_move_assignable_v<sonoran::session>);
    static_assert(!std::is_copy_constructible_v<sonoran::event> && !std::is_copy_assignable_v<sonoran::event>);
    static_assert(std::is_nothrow_move_constructible_v<sonoran::event>);
    const sonoran::event none;
    EXPECT(!none && none.view().empty() && *none.c_str() == '\0');
    const sonoran::session nothing;
    EXPECT(nothing.number() == 0 && !nothing.poll() && !nothing.wait() && !nothing.stats());
    EXPECT(nothing.state() == sonoran::state::ended);
    nothing.wake();
    nothing.disconnect();
    const sonoran::error fine;
    EXPECT(!fine && fine.code() == 0 && *fine.what() == '\0');
}

#ifdef SONORAN_LOAD
void loading_explains_itself(const std::string &broken) {
    sonoran::error why;
    EXPECT(sonoran::session::connect("{}", why).number() == 0);
    EXPECT(why.code() == sonoran::no_library && contains(why.what(), "call sonoran::load"));
    EXPECT(!sonoran::session().ingest("{}", why) && why.code() == sonoran::no_library);
    EXPECT(sonoran::shutdown(std::chrono::seconds(0), why) == 0 && !why);
    EXPECT(sonoran::version().empty() && sonoran::error_name(-1) == "unknown");
    EXPECT(sonoran::error_name(sonoran::no_library) == "no_library");

    const auto refused = [&](const std::string &file, std::string_view sentence) {
        why = sonoran::error();
        EXPECT(!sonoran::load(file, why) && why.code() == sonoran::no_library);
        if (!contains(why.what(), file) || !contains(why.what(), sentence))
            std::fprintf(stderr, "load says: %s\n", why.what());
        EXPECT(contains(why.what(), file) && contains(why.what(), sentence));
    };
    refused(broken + "/missing.so", "No such file");
    refused(broken + "/text.so", "put the libsonoran.so for this system's architecture");
    refused(broken + "/other.so", "lacks sonoran_");
    refused(broken + "/old.so", "is version 0.0.9, but this program was built for " SONORAN_VERSION);
    refused(broken + "/foreign.so", "put the libsonoran.so for this system's architecture");

    EXPECT(sonoran::load(std::getenv("SONORAN_LIBRARY"), why) && !why);
}
#endif

void failures_have_a_sentence() {
    sonoran::error why;
    EXPECT(sonoran::session::connect("", why).number() == 0);
    EXPECT(why.code() == SONORAN_E_JSON && *why.what() != '\0');
    sonoran::session::connect(sonoran::options().set("communityId", "a").set("apiKey", "b").set("serverID", 1), why);
    EXPECT(why.code() == SONORAN_E_OPTION && contains(why.what(), "serverID"));
    EXPECT(sonoran::error_name(why.code()) == "SONORAN_E_OPTION");
    sonoran::session::connect(std::string("{}\0{}", 5), why);
    EXPECT(why.code() == SONORAN_E_ARGUMENT && contains(why.what(), "NUL"));
    const sonoran::session none;
    const std::string cut("[]\0", 3);
    EXPECT(none.invoke("echo", "[]", why) == 0 && why.code() == SONORAN_E_SESSION);
    EXPECT(none.invoke("echo", cut, why) == 0 && why.code() == SONORAN_E_ARGUMENT);
    EXPECT(none.invoke(cut, "[]", why) == 0 && why.code() == SONORAN_E_ARGUMENT);
    EXPECT(!none.send_unit_locations("[]", why) && why.code() == SONORAN_E_SESSION);
    EXPECT(!none.send_unit_locations(cut, why) && why.code() == SONORAN_E_ARGUMENT);
    EXPECT(!none.ingest("{}", why) && why.code() == SONORAN_E_SESSION);
    EXPECT(!none.ingest(cut, why) && why.code() == SONORAN_E_ARGUMENT);
#if defined(__cpp_exceptions)
    try {
        sonoran::session(sonoran::options().set("apiKey", "b"));
        EXPECT(false && "an exception");
    } catch (const sonoran::error &thrown) {
        EXPECT(thrown.code() == SONORAN_E_OPTION && contains(thrown.what(), "communityId"));
    }
    const auto throws = [&](auto call) {
        try {
            call();
            return false;
        } catch (const sonoran::error &thrown) {
            return thrown.code() == SONORAN_E_SESSION;
        }
    };
    EXPECT(throws([&] { none.invoke("echo", "[]"); }));
    EXPECT(throws([&] { none.send_unit_locations("[]"); }));
    EXPECT(throws([&] { none.ingest("{}"); }));
#endif
}

void a_session_lives_and_ends() {
    sonoran::error why;
    sonoran::session first = sonoran::session::connect(nowhere(1), why);
    EXPECT(!why && first.number() > 0);
    sonoran::session second(std::move(first));
    EXPECT(second.number() > 0 && second.state() != sonoran::state::ended);
    EXPECT(contains(second.stats(), "\"session\":" + std::to_string(second.number())));

    EXPECT(second.invoke("echo", "[]", why) == 0 && why.code() == SONORAN_E_NOT_READY);
    EXPECT(second.send_unit_locations(R"([{"apiId":"a","location":"b"}])", why) && !why);
    EXPECT(!second.send_unit_locations(R"([{"apiId":"a"}])", why));
    EXPECT(why.code() == SONORAN_E_UNIT && contains(why.what(), "location"));
    EXPECT(!second.ingest(R"({"key":"another","type":"EVENT_911"})", why) && why.code() == SONORAN_E_KEY);

    sonoran::session &itself = second;
    second = std::move(itself);
    EXPECT(second.number() > 0 && second.state() != sonoran::state::closed);

    const std::intptr_t handle = second.native_handle(why);
    EXPECT(!why && handle >= 0 && second.native_handle(why) == handle);
    pollfd waited_on = {static_cast<int>(handle), POLLIN, 0};
    EXPECT(::poll(&waited_on, 1, 60000) == 1 && waited_on.revents == POLLIN);
    const sonoran::event retry = second.wait();
    EXPECT(::poll(&waited_on, 1, 0) == 0);
    EXPECT(contains(retry, "\"type\":\"SESSION_RETRY\"") && retry.c_str()[retry.view().size()] == '\0');
    second.wake();
    while (second.wait()) { // without wake this would last an hour
    }
    EXPECT(second.state() != sonoran::state::ended);
    second.wait(std::chrono::milliseconds(-1)); // the time is up at once; it does not mean forever

    second.disconnect();
    std::string last;
    second.run([&](std::string_view event) { last = event; });
    EXPECT(contains(last, "\"type\":\"SESSION_CLOSED\"") && second.state() == sonoran::state::ended);
    EXPECT(!second.poll() && !second.stats() && second.poll_all([](std::string_view) {}) == 0);

    // with `replace` off, a live session blocks another
    const std::string alone = nowhere(2).set("replace", false);
    second = sonoran::session::connect(alone, why);
    EXPECT(!why && sonoran::session::connect(alone, why).number() == 0 && why.code() == SONORAN_E_EXISTS);
    second = sonoran::session(); // ends the previous one
    sonoran::session heir = sonoran::session::connect(alone, why);
    EXPECT(!why && heir.number() > 0);
    {
        const sonoran::session inner = std::move(heir);
        EXPECT(heir.number() == 0 && inner.number() > 0);
    }
    heir = sonoran::session::connect(alone, why);
    EXPECT(!why && heir.state() != sonoran::state::ended);
    EXPECT(heir.poll_all([](std::string_view) {}, 0) == 0);

    // readers of one session do not take it from each other
    sonoran::session map = sonoran::session::connect(nowhere(3).set("reader", "map"), why);
    const sonoran::session discord = sonoran::session::connect(nowhere(3).set("reader", "discord"), why);
    EXPECT(!why && contains(map.wait(), "SESSION_RETRY") && contains(discord.wait(), "SESSION_RETRY"));
    EXPECT(sonoran::session::connect(nowhere(3).set("reader", "third").set("stableMs", 1), why).number() == 0);
    EXPECT(why.code() == SONORAN_E_EXISTS && contains(why.what(), "\"stableMs\""));
    map.disconnect();
    EXPECT(contains(map.wait(), "SESSION_CLOSED") && discord.state() != sonoran::state::closed);

    // a released session lives on, and is taken over
    const sonoran_session before = heir.release();
    EXPECT(before > 0 && heir.number() == 0);
    EXPECT(sonoran::session::connect(alone, why).number() == 0 && why.code() == SONORAN_E_EXISTS);
    heir = sonoran::session::connect(nowhere(2), why);
    EXPECT(!why && heir.number() > before);
    EXPECT(sonoran::shutdown(std::chrono::seconds(30), why) >= 0 && !why);
    EXPECT(heir.state() == sonoran::state::ended);
    EXPECT(heir.native_handle(why) < 0 && why.code() == SONORAN_E_SESSION);
}

} // namespace

int main(int, char **arguments) {
#ifdef SONORAN_LOAD
    loading_explains_itself(arguments[1]);
#else
    (void)arguments;
#endif
    EXPECT(sonoran::version() == SONORAN_VERSION);
    options_are_json();
    types_are_owners();
    failures_have_a_sentence();
    a_session_lives_and_ends();
    return failures == 0 ? 0 : 1;
}
