#if NET8_0_OR_GREATER
using System;
using System.Text;
using System.Text.Json;

namespace Sonoran.Events
{
    /// <summary>Uses .NET's own reader.</summary>
    internal static partial class Json
    {
        /// <summary>The JSON text of a top-level member, or null if there is none.</summary>
        internal static string Raw(string json, string name)
        {
            return Raw(Encoding.UTF8.GetBytes(json), name);
        }

        internal static string Raw(ReadOnlySpan<byte> json, string name)
        {
            return Find(json, name, out var found) ? Encoding.UTF8.GetString(json[found]) : null;
        }

        /// <summary>As <see cref="Raw(string, string)"/>, but a string's content without quotes and escapes.</summary>
        internal static string Text(string json, string name)
        {
            return Text(Encoding.UTF8.GetBytes(json), name);
        }

        internal static string Text(ReadOnlySpan<byte> json, string name)
        {
            if (!Find(json, name, out var found)) return null;
            var text = Encoding.UTF8.GetString(json[found]);
            return text[0] == '"' ? Unescape(text, 1, text.Length - 1) : text;
        }

        private static bool Find(ReadOnlySpan<byte> json, string name, out Range found)
        {
            found = default;
            var any = false;
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = int.MaxValue });
            try
            {
                if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return false;
                while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                {
                    var same = Same(ref reader, name);
                    reader.Read();
                    var start = (int)reader.TokenStartIndex;
                    reader.Skip();
                    if (!same) continue;
                    found = start..(int)reader.BytesConsumed;
                    any = true;
                }
            }
            catch (JsonException)
            {
                // It was JSON up to here.
            }
            return any;
        }

        private static bool Same(ref Utf8JsonReader reader, string name)
        {
            try
            {
                return reader.ValueTextEquals(name);
            }
            catch (InvalidOperationException)
            {
                return false; // a lone surrogate
            }
        }
    }
}
#endif
