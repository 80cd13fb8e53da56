using System;
using System.Runtime.InteropServices;

namespace Sonoran.Events
{
    /// <summary>
    /// Opens a library by its absolute path: DllImport by name fails in a resource that FXServer loaded from bytes.
    /// </summary>
    internal static class NativeLoader
    {
#if NET8_0_OR_GREATER
        internal static IntPtr Open(string path)
        {
            try
            {
                return NativeLibrary.Load(path);
            }
            catch (Exception e) when (e is DllNotFoundException || e is BadImageFormatException)
            {
                throw Refused(path, e.Message.Replace(Environment.NewLine, " ").Trim(), e);
            }
        }

        internal static IntPtr Symbol(IntPtr library, string name)
        {
            IntPtr address;
            return NativeLibrary.TryGetExport(library, name, out address) ? address : IntPtr.Zero;
        }

        internal static void Close(IntPtr library)
        {
            NativeLibrary.Free(library);
        }
#else
        internal static IntPtr Open(string path)
        {
            if (Platform.Windows)
            {
                var module = LoadLibraryExW(path, IntPtr.Zero, LoadWithAlteredSearchPath);
                if (module == IntPtr.Zero)
                    throw Refused(path, new System.ComponentModel.Win32Exception(Marshal.GetLastWin32Error()).Message, null);
                return module;
            }
            var handle = dlopen(Utf8.Bytes(path, "path"), RtldNow);
            if (handle == IntPtr.Zero) throw Refused(path, Utf8.Text(dlerror()), null);
            return handle;
        }

        internal static IntPtr Symbol(IntPtr library, string name)
        {
            return Platform.Windows ? GetProcAddress(library, name) : dlsym(library, Utf8.Bytes(name, "name"));
        }

        internal static void Close(IntPtr library)
        {
            if (Platform.Windows) FreeLibrary(library);
            else dlclose(library);
        }

        private const int RtldNow = 2;
        private const uint LoadWithAlteredSearchPath = 8;

        // At run time this name exists on both glibc and musl; libdl.so and libc do not.
        [DllImport("libdl.so.2", CallingConvention = CallingConvention.Cdecl)]
        private static extern IntPtr dlopen(byte[] path, int flags);

        [DllImport("libdl.so.2", CallingConvention = CallingConvention.Cdecl)]
        private static extern IntPtr dlsym(IntPtr library, byte[] name);

        [DllImport("libdl.so.2", CallingConvention = CallingConvention.Cdecl)]
        private static extern IntPtr dlerror();

        [DllImport("libdl.so.2", CallingConvention = CallingConvention.Cdecl)]
        private static extern int dlclose(IntPtr library);

        [DllImport("kernel32", CharSet = CharSet.Unicode, ExactSpelling = true, SetLastError = true)]
        private static extern IntPtr LoadLibraryExW(string path, IntPtr reserved, uint flags);

        [DllImport("kernel32", CharSet = CharSet.Ansi, ExactSpelling = true)]
        private static extern IntPtr GetProcAddress(IntPtr library, string name);

        [DllImport("kernel32", ExactSpelling = true)]
        private static extern bool FreeLibrary(IntPtr library);
#endif

        private static SonoranException Refused(string path, string reason, Exception cause)
        {
            return new SonoranException(path + " could not be loaded (" + (reason ?? "no reason given").TrimEnd('.') + "): " + NativeFile.Hint(path), cause);
        }
    }
}
