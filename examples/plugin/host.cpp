// A host that loads a plugin, ticks, and restarts it again and again; then it runs until Ctrl-C.
//
//     plugin_host PLUGIN OPTIONS RESTARTS
//
// PLUGIN: the path of plugin.so. OPTIONS: the options for sonoran_connect, as JSON.

#include <dlfcn.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <thread>

namespace {
volatile std::sig_atomic_t interrupted = 0;

struct plugin {
    void *file;
    bool (*load)(const char *);
    void (*tick)();
    void (*unload)(bool);

    explicit plugin(const char *path) : file(dlopen(path, RTLD_NOW | RTLD_LOCAL)) {
        if (file == nullptr)
            throw std::runtime_error(dlerror());
        load = reinterpret_cast<bool (*)(const char *)>(dlsym(file, "plugin_load"));
        tick = reinterpret_cast<void (*)()>(dlsym(file, "plugin_tick"));
        unload = reinterpret_cast<void (*)(bool)>(dlsym(file, "plugin_unload"));
        if (load == nullptr || tick == nullptr || unload == nullptr)
            throw std::runtime_error(std::string(path) + " is no plugin");
    }
    plugin(const plugin &) = delete;
    ~plugin() { dlclose(file); }
};
} // namespace

int main(int count, char **arguments) try {
    if (count != 4)
        throw std::runtime_error("usage: plugin_host PLUGIN OPTIONS RESTARTS");
    std::signal(SIGINT, [](int) { interrupted = 1; });
    for (int restarts = std::atoi(arguments[3]); restarts >= 0; --restarts) {
        plugin loaded(arguments[1]);
        if (!loaded.load(arguments[2]))
            return 1;
        for (int ticks = 0; restarts > 0 ? ticks < 5 : !interrupted; ++ticks) {
            loaded.tick();
            std::cout << std::flush;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        loaded.unload(restarts > 0);
    }
} catch (const std::exception &why) {
    std::cerr << why.what() << '\n';
    return 1;
}
