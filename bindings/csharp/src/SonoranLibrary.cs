using System.Collections.Generic;

namespace Sonoran.Events
{
    /// <summary>
    /// The native library. Once loaded it stays in the process: loading the same file again, even from
    /// another AppDomain, gives the same library with its sessions.
    /// </summary>
    public sealed class SonoranLibrary
    {
        private static readonly Dictionary<string, SonoranLibrary> Loaded = new Dictionary<string, SonoranLibrary>();
        private static SonoranLibrary _usual;

        internal readonly NativeApi Api;
        internal readonly WaitThread WaitThread;

        private SonoranLibrary(string path)
        {
            Path = path;
            Api = new NativeApi(path);
            WaitThread = new WaitThread(Api);
            Version = Utf8.Text(Api.LibraryVersion());
        }

        /// <summary>The file that was loaded.</summary>
        public string Path { get; }

        /// <summary>The library's version, such as 0.1.0.</summary>
        public string Version { get; }

        /// <summary>
        /// Loads the file for this process (Linux with glibc or musl, Windows) from runtimes/&lt;rid&gt;/native
        /// below the assembly or the application, or from beside them.
        /// </summary>
        /// <exception cref="SonoranException">It is missing, for another machine, or too old; the message says what to do.</exception>
        public static SonoranLibrary Load()
        {
            lock (Loaded) return _usual ?? (_usual = Open(NativeFile.Find(null)));
        }

        /// <summary>Loads the given file, or from the given folder (its runtimes/&lt;rid&gt;/native, or itself).</summary>
        /// <exception cref="SonoranException">It is missing, for another machine, or too old; the message says what to do.</exception>
        public static SonoranLibrary Load(string path)
        {
            lock (Loaded) return Open(NativeFile.Find(path));
        }

        private static SonoranLibrary Open(string path)
        {
            SonoranLibrary library;
            if (!Loaded.TryGetValue(path, out library)) Loaded[path] = library = new SonoranLibrary(path);
            return library;
        }

        /// <summary>Opens a session and returns at once; its events tell whether it got through.</summary>
        public SonoranSession Connect(SonoranOptions options)
        {
            return Connect(options.ToJson());
        }

        /// <summary>Opens a session with options as JSON text.</summary>
        public SonoranSession Connect(string optionsJson)
        {
            return new SonoranSession(this, Api.Check(Api.Connect(Utf8.Bytes(optionsJson, "optionsJson"))));
        }

        /// <summary>
        /// Ends all sessions of the process and the library's threads; returns how many events were
        /// dropped. For a clean exit only: exiting without it is safe.
        /// </summary>
        public int Shutdown(int timeoutMs)
        {
            return Api.Check(Api.Shutdown(timeoutMs));
        }
    }
}
