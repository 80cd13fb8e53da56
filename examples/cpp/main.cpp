// Prints the events of one CAD server until Ctrl-C.
//
//     SONORAN_API_KEY=... sonoran_example COMMUNITY SERVER [URL]

#include <sonoran.hpp>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <thread>

namespace {
volatile std::sig_atomic_t interrupted = 0;
}

int main(int argc, char **argv) {
    const char *key = std::getenv("SONORAN_API_KEY");
    if (argc < 3 || argc > 4 || key == nullptr) {
        std::cerr << "usage: SONORAN_API_KEY=... " << argv[0] << " COMMUNITY SERVER [URL]\n";
        return 2;
    }
    sonoran::options options;
    options.set("communityId", argv[1]).set("apiKey", key).set("serverId", argv[2]);
    if (argc == 4)
        options.set("url", argv[3]);

    std::signal(SIGINT, [](int) { interrupted = 1; });
    try {
        const sonoran::session session(options);
        while (session.state() != sonoran::state::ended) {
            if (interrupted)
                session.disconnect(); // its last event, SESSION_CLOSED, ends the loop
            session.poll_all([](std::string_view event) { std::cout << event << std::endl; });
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
        sonoran::shutdown(std::chrono::seconds(2));
    } catch (const sonoran::error &why) {
        std::cerr << sonoran::error_name(why.code()) << ": " << why.what() << '\n';
        return 1;
    }
}
