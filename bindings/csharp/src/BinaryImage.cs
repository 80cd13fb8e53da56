using System;
using System.IO;

namespace Sonoran.Events
{
    /// <summary>What a library's headers say, read before the system's loader maps the file.</summary>
    internal struct BinaryImage
    {
        /// <summary>"linux", "win", or null for a file that is not a library.</summary>
        internal string System;

        /// <summary>The architecture as runtime identifiers name it, or null.</summary>
        internal string Architecture;

        /// <summary>
        /// The length that the file must have. Never load a shorter one: the loader maps past its end, and access there
        /// ends the process.
        /// </summary>
        internal long End;

        /// <summary>The length of the file.</summary>
        internal long Length;

        internal static BinaryImage Read(string path)
        {
            using (var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete))
            {
                var head = new byte[4096];
                int length = 0, read;
                while (length < head.Length && (read = file.Read(head, length, head.Length - length)) > 0) length += read;
                Array.Resize(ref head, length);
                var image = Parse(head);
                image.Length = Math.Max(length, file.CanSeek ? file.Length : 0);
                return image;
            }
        }

        /// <summary>Parses the first 4096 bytes of a file, or all of a shorter one.</summary>
        internal static BinaryImage Parse(byte[] head)
        {
            const int elfHeader = 64, dosHeader = 64, coffHeader = 24;
            if (Starts(head, 0x7f, (byte)'E', (byte)'L', (byte)'F'))
                return head.Length < elfHeader ? new BinaryImage { System = "linux", End = elfHeader } : Elf(head);
            if (!Starts(head, (byte)'M', (byte)'Z')) return new BinaryImage();
            if (head.Length < dosHeader) return new BinaryImage { System = "win", End = dosHeader };
            var coff = Number(head, 60, 4);
            if (coff < dosHeader || coff > 4096 - coffHeader) return new BinaryImage();
            if (head.Length < coff + coffHeader) return new BinaryImage { System = "win", End = coff + coffHeader };
            return head[coff] == 'P' && head[coff + 1] == 'E' ? Pe(head, (int)coff) : new BinaryImage();
        }

        /// <summary>Whether the bytes begin with <paramref name="start"/>, as far as a shorter file goes.</summary>
        private static bool Starts(byte[] head, params byte[] start)
        {
            for (var i = 0; i < start.Length; i++)
                if (i < head.Length && head[i] != start[i]) return false;
            return true;
        }

        /// <summary>Takes the end from the segments and the section table, which linkers write last.</summary>
        private static BinaryImage Elf(byte[] head)
        {
            var wide = head[4] == 2;
            var word = wide ? 8 : 4;
            long segments = Number(head, wide ? 32 : 28, word), sections = Number(head, wide ? 40 : 32, word);
            var sizes = wide ? 54 : 42;
            long segmentSize = Number(head, sizes, 2), segmentCount = Number(head, sizes + 2, 2);
            var end = Math.Max(Sum(segments, segmentSize * segmentCount), Sum(sections, Number(head, sizes + 4, 2) * Number(head, sizes + 6, 2)));
            for (var i = 0; i < segmentCount; i++)
            {
                var segment = Sum(segments, i * segmentSize);
                if (segment > head.Length - 56) break;
                end = Math.Max(end, Sum(Number(head, (int)segment + (wide ? 8 : 4), word), Number(head, (int)segment + (wide ? 32 : 16), word)));
            }
            return new BinaryImage { System = "linux", Architecture = Machine(Number(head, 18, 2)), End = end };
        }

        /// <summary>Takes the end from the sections, and from the symbols after them if there are any.</summary>
        private static BinaryImage Pe(byte[] head, int coff)
        {
            const int symbolSize = 18, sectionSize = 40;
            var symbols = Number(head, coff + 12, 4);
            var end = symbols == 0 ? 0 : Sum(symbols, Number(head, coff + 16, 4) * symbolSize);
            long sections = coff + 24 + Number(head, coff + 20, 2), count = Number(head, coff + 6, 2);
            end = Math.Max(end, sections + count * sectionSize);
            for (var i = 0; i < count; i++)
            {
                var section = sections + i * sectionSize;
                if (section > head.Length - sectionSize) break;
                end = Math.Max(end, Sum(Number(head, (int)section + 16, 4), Number(head, (int)section + 20, 4)));
            }
            return new BinaryImage { System = "win", Architecture = Machine(Number(head, coff + 4, 2)), End = end };
        }

        /// <summary>Adds untrusted numbers without overflow.</summary>
        private static long Sum(long one, long other)
        {
            return one < 0 || other < 0 || one > long.MaxValue - other ? long.MaxValue : one + other;
        }

        private static long Number(byte[] bytes, int at, int size)
        {
            long number = 0;
            for (var i = size - 1; i >= 0; i--) number = number << 8 | bytes[at + i];
            return number;
        }

        private static string Machine(long code)
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
