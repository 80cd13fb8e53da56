// bench OPTIONS EVENTS ROUNDS: what an event costs a C++ host; see `bench` in bindings/testing/src/host.rs.
#include "sonoran.hpp"

#include <cstdio>
#include <cstring>
#include <thread>

int main(int, char **arguments) {
    const std::size_t events = std::strtoul(arguments[2], nullptr, 10);
    const std::string all = "\"queuedEvents\":" + std::to_string(events) + ",";
    const sonoran::session session{std::string(arguments[1])};
    while (session.wait().view().find("SESSION_READY") == std::string_view::npos) {
    }
    for (unsigned long round = std::strtoul(arguments[3], nullptr, 10); round > 0; --round) {
        std::puts("round");
        std::fflush(stdout);
        while (session.stats().view().find(all) == std::string_view::npos)
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        std::size_t bytes = 0;
        const auto start = std::chrono::steady_clock::now();
        const std::size_t taken = session.poll_all([&](std::string_view event) { bytes += event.size(); });
        const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
        if (taken != events || bytes < events * 50)
            return 1;
        std::printf("ns %.0f\n", took.count() / static_cast<double>(events));
        std::fflush(stdout);
    }
}
