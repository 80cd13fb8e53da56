using System;
using System.Runtime.InteropServices;

namespace Sonoran.Events
{
    /// <summary>The functions of sonoran.h. Delegates, because function pointers need C# 9 and .NET 5.</summary>
    internal sealed class NativeApi
    {
        [UnmanagedFunctionPointer(CallingConvention.Cdecl)] internal delegate int TextToInt(byte[] text);
        [UnmanagedFunctionPointer(CallingConvention.Cdecl)] internal delegate int IntToInt(int number);
        [UnmanagedFunctionPointer(CallingConvention.Cdecl)] internal delegate IntPtr IntToHandle(int number);
        [UnmanagedFunctionPointer(CallingConvention.Cdecl)] internal delegate IntPtr IntToText(int number);
        [UnmanagedFunctionPointer(CallingConvention.Cdecl)] internal delegate int NumbersIntIntToInt(int[] numbers, int count, int number);
        [UnmanagedFunctionPointer(CallingConvention.Cdecl)] internal delegate int IntTextToInt(int session, byte[] text);
        [UnmanagedFunctionPointer(CallingConvention.Cdecl)] internal delegate int IntTextTextToInt(int session, byte[] text, byte[] other);
        [UnmanagedFunctionPointer(CallingConvention.Cdecl)] internal delegate IntPtr ToText();
        [UnmanagedFunctionPointer(CallingConvention.Cdecl)] internal delegate void FromPointer(IntPtr pointer);

        /// <summary>The oldest library that has every function below.</summary>
        internal static readonly Version Oldest = new Version(0, 1, 0);

        internal readonly TextToInt Connect;
        internal readonly IntToText PollEvent;
        internal readonly FromPointer Free;
        internal readonly NumbersIntIntToInt WaitAny;
        internal readonly IntToInt Wake, Disconnect, State, Shutdown;
        internal readonly IntTextTextToInt Invoke;
        internal readonly IntTextToInt SendUnitLocations, Ingest;
        internal readonly IntToText Stats, ErrorName;
        internal readonly IntToHandle WaitHandle;
        internal readonly ToText LastError, LibraryVersion;

        private readonly IntPtr _library;
        private readonly string _path;

        internal NativeApi(string path)
        {
            _path = path;
            NativeFile.Check(path);
            _library = NativeLoader.Open(path);
            try
            {
                var version = NativeLoader.Symbol(_library, "sonoran_version");
                if (version == IntPtr.Zero)
                    throw new SonoranException(path + " is a library but not sonoran: give the path of " + Platform.FileName + ".");
                LibraryVersion = Marshal.GetDelegateForFunctionPointer<ToText>(version);
                Version found;
                if (!Version.TryParse(Utf8.Text(LibraryVersion()).Split('-', '+')[0], out found) || found < Oldest)
                    throw TooOld("");

                Connect = Bind<TextToInt>("sonoran_connect");
                PollEvent = Bind<IntToText>("sonoran_poll_event");
                Free = Bind<FromPointer>("sonoran_free");
                WaitAny = Bind<NumbersIntIntToInt>("sonoran_wait_any");
                WaitHandle = Bind<IntToHandle>("sonoran_wait_handle");
                Wake = Bind<IntToInt>("sonoran_wake");
                Disconnect = Bind<IntToInt>("sonoran_disconnect");
                State = Bind<IntToInt>("sonoran_state");
                Invoke = Bind<IntTextTextToInt>("sonoran_invoke");
                SendUnitLocations = Bind<IntTextToInt>("sonoran_send_unit_locations");
                Ingest = Bind<IntTextToInt>("sonoran_ingest");
                Stats = Bind<IntToText>("sonoran_stats");
                LastError = Bind<ToText>("sonoran_last_error");
                ErrorName = Bind<IntToText>("sonoran_error_name");
                Shutdown = Bind<IntToInt>("sonoran_shutdown");
            }
            catch
            {
                // Otherwise the right file at the same path would be taken for the loaded one.
                NativeLoader.Close(_library);
                throw;
            }
        }

        /// <summary>Copies a string of the library and frees it.</summary>
        internal string Take(IntPtr text)
        {
            if (text == IntPtr.Zero) return null;
            try
            {
                return Utf8.Text(text);
            }
            finally
            {
                Free(text);
            }
        }

#if NET8_0_OR_GREATER
        /// <summary>As <see cref="Take"/>, but as bytes.</summary>
        internal byte[] TakeBytes(IntPtr text)
        {
            try
            {
                return Utf8.Copy(text);
            }
            finally
            {
                Free(text);
            }
        }
#endif

        /// <summary>Returns a function's result, or throws the library's sentence.</summary>
        internal int Check(int result)
        {
            if (result < 0) throw Failure(result);
            return result;
        }

        internal SonoranException Failure(int code)
        {
            return new SonoranException(code, Utf8.Text(ErrorName(code)), Utf8.Text(LastError()));
        }

        private T Bind<T>(string name) where T : class
        {
            var address = NativeLoader.Symbol(_library, name);
            if (address == IntPtr.Zero) throw TooOld(" and has no " + name);
            return Marshal.GetDelegateForFunctionPointer<T>(address);
        }

        /// <summary>A library stays mapped for the life of its process, so a new file needs a new process.</summary>
        private SonoranException TooOld(string detail)
        {
            return new SonoranException(_path + " is too old: it is version " + Utf8.Text(LibraryVersion()) + detail + ", needed is " + Oldest
                + " or newer; replace the file and start the whole process again.");
        }
    }
}
