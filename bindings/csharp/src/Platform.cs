using System;
using System.IO;

namespace Sonoran.Events
{
    /// <summary>The current process as a .NET runtime identifier, such as linux-musl-x64.</summary>
    internal static class Platform
    {
        internal static readonly bool Windows = Environment.OSVersion.Platform == PlatformID.Win32NT;

        internal static string FileName
        {
            get { return Windows ? "sonoran.dll" : "libsonoran.so"; }
        }

        /// <summary>
        /// This process's identifier, taken from the process itself: RuntimeInformation is missing in .NET 4.5 and
        /// cannot tell FXServer's musl from the machine's glibc.
        /// </summary>
        internal static string Rid()
        {
            if (Windows) return "win-" + WindowsArchitecture(Environment.GetEnvironmentVariable("PROCESSOR_ARCHITECTURE"));
            if (!File.Exists("/proc/self/maps"))
                throw new SonoranException("There is no sonoran library for this system: Linux and Windows are supported.");
            var image = BinaryImage.Read("/proc/self/exe");
            return "linux-" + (IsMusl(File.ReadAllText("/proc/self/maps")) ? "musl-" : "") + (image.Architecture ?? "x64");
        }

        /// <summary>Whether a process with these mappings uses musl.</summary>
        internal static bool IsMusl(string maps)
        {
            return maps.Contains("/ld-musl-") || maps.Contains("/libc.musl-");
        }

        private static string WindowsArchitecture(string name)
        {
            switch (name == null ? null : name.ToUpperInvariant())
            {
                case "ARM64": return "arm64";
                case "X86": return "x86";
                default: return "x64";
            }
        }
    }
}
