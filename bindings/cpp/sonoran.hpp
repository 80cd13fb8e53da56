// sonoran.hpp: events from Sonoran CAD's websocket hub in C++17, over the C API of sonoran.h.
//
//     sonoran::session session(sonoran::options()
//         .set("communityId", "abc").set("apiKey", key).set("serverId", 1));
//
//     session.poll_all([](std::string_view event) { ... });      // once per tick
//
// sonoran.h is the manual of the options, the events, the error codes, and what the library does
// to your process. This header adds ownership, types and errors.
//
// GETTING IT
//
// Copy this file and sonoran.h into your project and link with the library, or
//
//     find_package(sonoran REQUIRED)
//     target_link_libraries(plugin PRIVATE sonoran::sonoran)
//
// A plugin that cannot rely on the system's loader to find the library (on Windows it does not look
// beside the plugin) defines SONORAN_LOAD before it includes this file, links only with the
// system's dl library, and names the file at run time:
//
//     sonoran::load("/srv/plugins/libsonoran.so");
//
// ERRORS
//
// A function that can fail has two forms: the one with a last parameter `error &why` reports there
// and throws nothing; the one without it throws sonoran::error, and exists only with exceptions on.
// Both give the code and a sentence that says what to do. The standard library handles running out
// of memory, as everywhere.

#ifndef SONORAN_HPP
#define SONORAN_HPP

#include "sonoran.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#  define SONORAN_THROWS 1
#else
#  define SONORAN_THROWS 0
#endif

#ifdef SONORAN_LOAD
#  include <filesystem>
#  if defined(_WIN32)
#    ifndef WIN32_LEAN_AND_MEAN
#      define WIN32_LEAN_AND_MEAN
#    endif
#    ifndef NOMINMAX
#      define NOMINMAX
#    endif
#    include <windows.h>
#  else
#    include <dlfcn.h>
#  endif
#  define SONORAN_CALL(name) detail::functions.name
#else
#  define SONORAN_CALL(name) ::sonoran_##name
#endif

namespace sonoran {

// Files of one program may differ in SONORAN_LOAD, so their types must differ too.
#ifdef SONORAN_LOAD
inline namespace loaded {
#else
inline namespace linked {
#endif

// The only code that is not the library's: there is no usable library.
inline constexpr std::int32_t no_library = -100;

// Why a call failed. A default one means success.
class error : public std::runtime_error {
public:
    error() : std::runtime_error("") {}
    error(std::int32_t code, const std::string &sentence) : std::runtime_error(sentence), code_(code) {}

    // A SONORAN_E_ code or no_library; 0: no error.
    std::int32_t code() const noexcept { return code_; }
    explicit operator bool() const noexcept { return code_ != 0; }

private:
    std::int32_t code_ = 0;
};

namespace detail {

#ifdef SONORAN_LOAD
#  define SONORAN_FUNCTIONS(X)                                                                     \
      X(connect) X(poll_event) X(free) X(wait_event) X(wait_handle) X(wake) X(disconnect) X(state) \
      X(invoke) X(send_unit_locations) X(ingest) X(stats) X(last_error) X(error_name) X(version)   \
      X(shutdown)
struct functions_type {
#  define SONORAN_POINTER(name) decltype(&::sonoran_##name) name = nullptr;
    SONORAN_FUNCTIONS(SONORAN_POINTER)
#  undef SONORAN_POINTER
};
inline functions_type functions;
inline bool present() noexcept { return functions.version != nullptr; }
#else
inline bool present() noexcept { return true; }
#endif

// A version's major and minor parts in one comparable number.
inline long release(const char *version) noexcept {
    char *rest = nullptr;
    const long major = std::strtol(version, &rest, 10);
    return major * 256 + (*rest == '.' ? std::strtol(rest + 1, nullptr, 10) : 0);
}

inline bool too_old(const char *version, error &why, const std::string &file = "the sonoran library") {
    if (release(version) >= SONORAN_VERSION_NUMBER >> 8)
        return false;
    why = error(no_library, file + " is version " + version + ", but this program was built for " SONORAN_VERSION
                                ": replace the file by that version or a newer one");
    return true;
}

inline bool usable(error &why) {
    if (present())
        return !too_old(SONORAN_CALL(version)(), why);
    why = error(no_library, "the sonoran library is not loaded: call sonoran::load with the full path of its file");
    return false;
}

inline std::int32_t check(std::int32_t result, error &why) {
    why = result < 0 ? error(result, SONORAN_CALL(last_error)()) : error();
    return result;
}

// A C string ends at its first NUL byte: the rest would be lost silently.
inline bool whole(const std::string &text, const char *argument, error &why) {
    if (text.find('\0') == std::string::npos)
        return true;
    why = error(SONORAN_E_ARGUMENT, std::string(argument) + " has a NUL byte in it: JSON writes that as \\u0000");
    return false;
}

inline std::int32_t clamp(std::chrono::milliseconds time) noexcept {
    constexpr std::int32_t most = std::numeric_limits<std::int32_t>::max();
    return time.count() < 0 ? 0 : time.count() > most ? most : static_cast<std::int32_t>(time.count());
}

#if SONORAN_THROWS
template <class Call> auto or_throw(Call &&call) {
    error why;
    auto result = call(why);
    if (why)
        throw why;
    return result;
}
#endif

struct freeing {
    void operator()(char *string) const noexcept { SONORAN_CALL(free)(string); }
};

} // namespace detail

// Text from the library: owns it and frees it. Empty (false) if there is none.
class text {
public:
    text() noexcept = default;
    explicit text(char *owned) noexcept : string_(owned), size_(owned != nullptr ? std::strlen(owned) : 0) {}

    explicit operator bool() const noexcept { return string_ != nullptr; }
    operator std::string_view() const noexcept { return view(); }
    std::string_view view() const noexcept { return {c_str(), string_ ? size_ : 0}; }
    const char *c_str() const noexcept { return string_ ? string_.get() : ""; }

private:
    std::unique_ptr<char, detail::freeing> string_;
    std::size_t size_ = 0;
};

using event = text;

// The options of a session as JSON; sonoran.h lists them.
class options {
public:
    // `value`: a string, a whole number or a bool.
    template <class Value> options &set(std::string_view key, const Value &value) {
        if constexpr (std::is_same_v<Value, bool>)
            return set_json(key, value ? "true" : "false");
        else if constexpr (std::is_integral_v<Value>)
            return set_json(key, std::to_string(value));
        else
            return set_json(key, quoted(value));
    }

    // `json`: any JSON value, such as the object of `headers`.
    options &set_json(std::string_view key, std::string_view json) {
        members_.append(members_.empty() ? "" : ",").append(quoted(key)).append(":").append(json);
        return *this;
    }

    operator std::string() const { return '{' + members_ + '}'; }

    // `text` as a JSON string.
    static std::string quoted(std::string_view text) {
        constexpr char digits[] = "0123456789abcdef";
        std::string json = "\"";
        for (const char c : text) {
            if (c == '"' || c == '\\')
                json.append({'\\', c});
            else if (static_cast<unsigned char>(c) < 0x20)
                json.append("\\u00").append({digits[c >> 4], digits[c & 15]});
            else
                json.push_back(c);
        }
        return json += '"';
    }

private:
    std::string members_;
};

enum class state : std::int32_t {
    ended = 0, // no session, or its last event was polled
    connecting = SONORAN_STATE_CONNECTING,
    authenticating = SONORAN_STATE_AUTHENTICATING,
    ready = SONORAN_STATE_READY,
    retrying = SONORAN_STATE_RETRYING,
    closed = SONORAN_STATE_CLOSED,
};

// One session with the hub. It moves but does not copy; its destructor disconnects. Any number of
// threads may call its const functions at the same time.
class session {
public:
    // No session: poll and the others treat it as ended.
    session() noexcept = default;

    // Opens a session. `options_json`: an `options`, or JSON text. Does not block: events report the rest.
    static session connect(const std::string &options_json, error &why) {
        session opened;
        if (detail::usable(why) && detail::whole(options_json, "options_json", why)) {
            const sonoran_session number = detail::check(SONORAN_CALL(connect)(options_json.c_str()), why);
            opened.number_ = number > 0 ? number : 0;
        }
        return opened;
    }
#if SONORAN_THROWS
    explicit session(const std::string &options_json)
        : session(detail::or_throw([&](error &why) { return connect(options_json, why); })) {}
#endif

    session(session &&other) noexcept : number_(std::exchange(other.number_, 0)) {}
    session &operator=(session &&other) noexcept {
        session taken(std::move(other)); // first, so that self-move is safe
        std::swap(number_, taken.number_);
        return *this;
    }
    ~session() { disconnect(); }

    // Its number in the C API; 0: no session.
    sonoran_session number() const noexcept { return number_; }

    // The next event, empty when there is none. Never blocks.
    event poll() const noexcept { return event(number_ != 0 ? SONORAN_CALL(poll_event)(number_) : nullptr); }

    // Passes at most `most` queued events to `handler(std::string_view)` and returns their number. Never
    // blocks. If the handler throws, its event is gone and the rest stay queued.
    template <class Handler>
    std::size_t poll_all(Handler &&handler, std::size_t most = std::numeric_limits<std::size_t>::max()) const {
        std::size_t count = 0;
        while (count < most) {
            const event next = poll();
            if (!next)
                break;
            ++count;
            handler(next.view());
        }
        return count;
    }

    // The next event; blocks this thread until there is one, or for at most `most`. Empty when the time
    // is up, after wake, or when the session has ended.
    event wait() const noexcept { return wait_ms(-1); }
    event wait(std::chrono::milliseconds most) const noexcept { return wait_ms(detail::clamp(most)); }

    // Passes every event to `handler(std::string_view)` on this thread, until the session has ended or
    // wake was called.
    template <class Handler> void run(Handler &&handler) const {
        while (const event next = wait())
            handler(next.view());
    }

    // What an event loop waits on until there is an event to poll: a file descriptor that becomes readable;
    // on Windows the HANDLE of an event. It belongs to the library: only wait on it. Negative: an error.
    std::intptr_t native_handle(error &why) const {
        if (!detail::usable(why))
            return no_library;
        const std::intptr_t handle = SONORAN_CALL(wait_handle)(number_);
        detail::check(handle < 0 ? static_cast<std::int32_t>(handle) : 0, why);
        return handle;
    }

    // Makes the current wait, or else the next one, return once without an event.
    void wake() const noexcept {
        if (number_ != 0)
            SONORAN_CALL(wake)(number_);
    }

    sonoran::state state() const noexcept {
        const std::int32_t now = number_ != 0 ? SONORAN_CALL(state)(number_) : 0;
        return now > 0 ? static_cast<sonoran::state>(now) : sonoran::state::ended;
    }

    // Calls a method of the hub; `arguments_json`: a JSON array. Returns the request's number: one
    // SESSION_CALL_RESULT with it as `id` follows.
    std::int32_t invoke(const std::string &method, const std::string &arguments_json, error &why) const {
        if (!detail::usable(why) || !detail::whole(method, "method", why) ||
            !detail::whole(arguments_json, "arguments_json", why))
            return 0;
        const std::int32_t request = SONORAN_CALL(invoke)(number_, method.c_str(), arguments_json.c_str());
        return detail::check(request, why) > 0 ? request : 0;
    }

    // Takes the newest locations of units; `updates_json`: a JSON array. They go out as soon as the hub allows.
    bool send_unit_locations(const std::string &updates_json, error &why) const {
        return detail::usable(why) && detail::whole(updates_json, "updates_json", why) &&
               detail::check(SONORAN_CALL(send_unit_locations)(number_, updates_json.c_str()), why) == 0;
    }

    // Takes a push that reached this program by HTTP; `body`: the posted text. It joins the events.
    bool ingest(const std::string &body, error &why) const {
        return detail::usable(why) && detail::whole(body, "body", why) &&
               detail::check(SONORAN_CALL(ingest)(number_, body.c_str()), why) == 0;
    }

#if SONORAN_THROWS
    std::intptr_t native_handle() const {
        return detail::or_throw([&](error &why) { return native_handle(why); });
    }
    std::int32_t invoke(const std::string &method, const std::string &arguments_json) const {
        return detail::or_throw([&](error &why) { return invoke(method, arguments_json, why); });
    }
    void send_unit_locations(const std::string &updates_json) const {
        detail::or_throw([&](error &why) { return send_unit_locations(updates_json, why); });
    }
    void ingest(const std::string &body) const {
        detail::or_throw([&](error &why) { return ingest(body, why); });
    }
#endif

    // The session's figures as JSON; empty when it has ended.
    text stats() const noexcept { return text(number_ != 0 ? SONORAN_CALL(stats)(number_) : nullptr); }

    // Ends the session. Queued events can still be polled; SESSION_CLOSED is the last.
    void disconnect() const noexcept {
        if (number_ != 0)
            SONORAN_CALL(disconnect)(number_);
    }

    // Releases the session, which lives on in the library, for a plugin that is reloaded. Connecting with the same
    // options takes over the same connection, with the events since then. Returns the session's number.
    sonoran_session release() noexcept { return std::exchange(number_, 0); }

private:
    event wait_ms(std::int32_t most) const noexcept {
        return event(number_ != 0 ? SONORAN_CALL(wait_event)(number_, most) : nullptr);
    }

    sonoran_session number_ = 0;
};

// Ends all sessions of the process and the library's threads; returns how many events were dropped.
inline std::int32_t shutdown(std::chrono::milliseconds most, error &why) {
    why = error();
    return detail::present() ? detail::check(SONORAN_CALL(shutdown)(detail::clamp(most)), why) : 0;
}
#if SONORAN_THROWS
inline std::int32_t shutdown(std::chrono::milliseconds most) {
    return detail::or_throw([&](error &why) { return shutdown(most, why); });
}
#endif

// The version of the library; SONORAN_VERSION is that of the header. Empty when none is loaded.
inline std::string_view version() noexcept { return detail::present() ? SONORAN_CALL(version)() : ""; }

// The name of an error code, such as "SONORAN_E_OPTION".
inline std::string_view error_name(std::int32_t code) noexcept {
    return code == no_library ? "no_library" : detail::present() ? SONORAN_CALL(error_name)(code) : "unknown";
}

#ifdef SONORAN_LOAD
// Loads the library for the whole program. `file`: its full path. Call it once, before the first
// session and before other threads use this header.
inline bool load(const std::filesystem::path &file, error &why) {
    const auto utf8 = file.u8string();
    const std::string name(utf8.begin(), utf8.end());
#  if defined(_WIN32)
    const std::string expected = "the sonoran.dll for this program's architecture";
    const HMODULE library = ::LoadLibraryExW(file.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
    const std::string problem = library != nullptr ? "" : "Windows error " + std::to_string(::GetLastError());
    const auto find = [library](const char *symbol) {
        return reinterpret_cast<void *>(::GetProcAddress(library, symbol));
    };
#  else
    const std::string expected = "the libsonoran.so for this system's architecture and C library (glibc or musl)";
    void *const library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    const std::string problem = library != nullptr ? "" : ::dlerror();
    const auto find = [library](const char *symbol) { return ::dlsym(library, symbol); };
#  endif
    if (library == nullptr) {
        why = error(no_library, "cannot load " + name + " (" + problem + "): put " + expected + " there");
        return false;
    }
    detail::functions_type found;
    const char *missing = nullptr;
#  define SONORAN_FIND(function)                                                                   \
      found.function = reinterpret_cast<decltype(found.function)>(find("sonoran_" #function));     \
      if (found.function == nullptr)                                                               \
          missing = "sonoran_" #function;
    SONORAN_FUNCTIONS(SONORAN_FIND)
#  undef SONORAN_FIND
    if (found.version != nullptr && detail::too_old(found.version(), why, name))
        return false;
    if (missing != nullptr) {
        why = error(no_library, name + " is not a whole sonoran library, it lacks " + missing + ": put " + expected +
                                    " there");
        return false;
    }
    detail::functions = found;
    why = error();
    return true;
}
#  if SONORAN_THROWS
inline void load(const std::filesystem::path &file) {
    detail::or_throw([&](error &why) { return load(file, why); });
}
#  endif
#  undef SONORAN_FUNCTIONS
#endif

} // inline namespace
} // namespace sonoran

#undef SONORAN_CALL
#undef SONORAN_THROWS

#endif // SONORAN_HPP
