using System;
using System.IO;

namespace Sonoran.Events
{
    /// <summary>The process we are in, as a .NET runtime identifier such as linux-musl-x64.</summary>
    internal static class Platform
    {
        internal static readonly bool Windows = Environment.OSVersion.Platform == PlatformID.Win32NT;

        internal static string FileName
        {
            get { return Windows ? "sonoran.dll" : "libsonoran.so"; }
        }

        /// <summary>
        /// This process's identifier. RuntimeInformation is missing in .NET 4.5 and cannot tell FXServer's
        /// musl from the glibc of the machine it runs on, so the process itself is looked at.
        /// </summary>
        internal static string Rid()
        {
            if (Windows) return "win-" + WindowsArchitecture(Environment.GetEnvironmentVariable("PROCESSOR_ARCHITECTURE"));
            if (!File.Exists("/proc/self/maps"))
                throw new SonoranException("There is no sonoran library for this system: Linux and Windows are supported.");
            var image = BinaryImage.Read("/proc/self/exe");
            return "linux-" + (IsMusl(File.ReadAllText("/proc/self/maps")) ? "musl-" : "") + (image.Architecture ?? "x64");
        }

        /// <summary>Whether a process with these mappings has musl as its C library.</summary>
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

    /// <summary>What the first bytes of a library say about it.</summary>
    internal struct BinaryImage
    {
        /// <summary>"linux", "win", or null for a file that is no library.</summary>
        internal string System;

        /// <summary>The architecture as runtime identifiers name it, or null.</summary>
        internal string Architecture;

        internal static BinaryImage Read(string path)
        {
            var head = new byte[4096];
            int length = 0, read;
            using (var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete))
                while (length < head.Length && (read = file.Read(head, length, head.Length - length)) > 0) length += read;
            return Parse(head, length);
        }

        internal static BinaryImage Parse(byte[] head, int length)
        {
            if (length >= 20 && head[0] == 0x7f && head[1] == 'E' && head[2] == 'L' && head[3] == 'F')
                return new BinaryImage { System = "linux", Architecture = Machine(Word(head, 18)) };
            if (length >= 64 && head[0] == 'M' && head[1] == 'Z')
            {
                var pe = BitConverter.ToInt32(head, 60);
                if (pe >= 64 && pe <= length - 6 && head[pe] == 'P' && head[pe + 1] == 'E')
                    return new BinaryImage { System = "win", Architecture = Machine(Word(head, pe + 4)) };
            }
            return new BinaryImage();
        }

        private static int Word(byte[] bytes, int at)
        {
            return bytes[at] | bytes[at + 1] << 8;
        }

        private static string Machine(int code)
        {
            switch (code)
            {
                case 62: case 0x8664: return "x64";
                case 183: case 0xaa64: return "arm64";
                case 3: case 0x14c: return "x86";
                case 40: case 0x1c4: return "arm";
                default: return "an unknown architecture";
            }
        }
    }
}
