using System;
using System.Text;

namespace Sonoran.Events
{
    /// <summary>Text across the C boundary: UTF-8 with a NUL byte at its end.</summary>
    internal static unsafe class Utf8
    {
        private static readonly UTF8Encoding Strict = new UTF8Encoding(false, true);

        /// <summary>The bytes of <paramref name="text"/> and a NUL; null stays null.</summary>
        internal static byte[] Bytes(string text, string parameter)
        {
            if (text == null) return null;
            if (text.IndexOf('\0') >= 0)
                throw new ArgumentException("The text contains a NUL character, which would end it early: remove it.", parameter);
            try
            {
                var bytes = new byte[Strict.GetByteCount(text) + 1];
                Strict.GetBytes(text, 0, text.Length, bytes, 0);
                return bytes;
            }
            catch (EncoderFallbackException)
            {
                throw new ArgumentException("The text contains half of a surrogate pair, which is no character: remove it.", parameter);
            }
        }

        /// <summary>Copies a C string; null for a null pointer. Marshal.PtrToStringUTF8 is missing before .NET Core 2.1.</summary>
        internal static string Text(IntPtr pointer)
        {
            if (pointer == IntPtr.Zero) return null;
            var start = (byte*)pointer;
            return new string((sbyte*)start, 0, Length(start), Encoding.UTF8);
        }

#if NET8_0_OR_GREATER
        /// <summary>Copies the bytes of a C string.</summary>
        internal static byte[] Copy(IntPtr pointer)
        {
            var start = (byte*)pointer;
            return new ReadOnlySpan<byte>(start, Length(start)).ToArray();
        }
#endif

        /// <summary>Reads eight bytes at a time: an aligned word never crosses into an unmapped page.</summary>
        private static int Length(byte* start)
        {
            var p = start;
            for (; ((long)p & 7) != 0; p++)
                if (*p == 0) return (int)(p - start);
            const ulong ones = 0x0101010101010101, tops = 0x8080808080808080;
            for (ulong word; ((word = *(ulong*)p) - ones & ~word & tops) == 0;) p += 8;
            while (*p != 0) p++;
            return (int)(p - start);
        }
    }
}
