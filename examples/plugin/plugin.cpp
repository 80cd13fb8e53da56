// A typical plugin: a shared object that is loaded, called on every tick, and unloaded again. Its session outlives
// it: the next plugin with the same options takes the session over, and no event is lost in between.

#include <sonoran.hpp>

#include <cstdio>

namespace {
sonoran::session session;

void handle(std::string_view event) {
    std::printf("%.*s\n", static_cast<int>(event.size()), event.data());
}
} // namespace

// `options`: for sonoran_connect, from the host's configuration. Returns whether the plugin may stay.
extern "C" bool plugin_load(const char *options) {
    sonoran::error why;
    session = sonoran::session::connect(options, why);
    if (why)
        std::fprintf(stderr, "sonoran: %s\n", why.what());
    return !why;
}

extern "C" void plugin_tick() {
    session.poll_all(handle, 100); // the rest waits for the next tick
}

// `restart`: the plugin comes back at once, as on a server's `restart` command.
extern "C" void plugin_unload(bool restart) {
    if (restart)
        session.release(); // the session lives on in the library
    else
        session = sonoran::session(); // disconnects; unpolled events are kept for a successor
    std::fflush(stdout);
}
