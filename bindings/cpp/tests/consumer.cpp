// The host under test, as bindings/testing/src/host.rs describes it.
#include "sonoran.hpp"

#include <cstdio>
#include <thread>

namespace {

class consumer {
public:
    bool over = false;

    // `file`: where the events go; - for none.
    consumer(const sonoran::session &session, const std::string &file)
        : session_(session), file_(file != "-" ? std::fopen(file.c_str(), "wb") : nullptr) {}

    void operator()(std::string_view event) {
        if (file_ != nullptr)
            std::fwrite(event.data(), 1, event.size() + 1, file_.get()); // with its NUL byte
        const auto is = [event](const char *type) {
            return event.find(std::string("\"type\":\"") + type) != std::string_view::npos;
        };
        if (is("SESSION_READY")) {
            std::puts("ready");
        } else if (is("SESSION_LOST")) {
            throw std::runtime_error(std::string(event));
        } else if (is("TEST_MARK")) {
            std::printf("mark %ld\n", std::exchange(pushes_, 0));
        } else if (is("TEST_CALL")) {
            call();
        } else if (is("SESSION_CALL_RESULT") || is("EVENT_INGESTED")) {
            std::printf("saw %s\n", event.data());
        } else if (is("TEST_END")) {
            over = true;
        } else if (!is("SESSION_LOG")) {
            ++pushes_;
        }
        std::fflush(stdout);
    }

private:
    void call() const {
        if (session_.invoke("echo", R"([[7,"x"]])") <= 0)
            throw std::runtime_error("invoke returned no request");
        session_.send_unit_locations(R"([{"communityUserId":"u-1","location":"Legion Square"}])");
        session_.ingest(R"({"key":"demo-key", "type":"EVENT_INGESTED","data":1.50})");
    }

    struct closing {
        void operator()(std::FILE *file) const { std::fclose(file); }
    };
    const sonoran::session &session_;
    std::unique_ptr<std::FILE, closing> file_;
    long pushes_ = 0;
};

} // namespace

int main(int, char **arguments) try {
    const std::string url = arguments[1], mode = arguments[2];
#ifdef SONORAN_LOAD
    sonoran::load(std::getenv("SONORAN_LIBRARY"));
#endif
    sonoran::session session(sonoran::options()
                                 .set("communityId", "demo")
                                 .set("apiKey", "demo-key")
                                 .set("serverId", 1)
                                 .set("log", "debug")
                                 .set("url", url + "/apiWsHub"));
    consumer host(session, arguments[3]);
    if (mode == "wait") {
        session.run([&](std::string_view event) {
            host(event);
            if (host.over)
                session.disconnect();
        });
    } else {
        while (!host.over)
            if (session.poll_all(host, 100) == 0)
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    session = sonoran::session();
    sonoran::shutdown(std::chrono::seconds(30));
} catch (const std::exception &why) {
    std::fprintf(stderr, "%s\n", why.what());
    return 1;
}
