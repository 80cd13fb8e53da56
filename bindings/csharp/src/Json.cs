using System;
using System.Globalization;
using System.Text;

namespace Sonoran.Events
{
    /// <summary>
    /// Finds a member of a JSON object and writes JSON strings, so that dispatching on `type` needs no JSON library.
    /// Reading never recurses and never throws: text that is not JSON has no members. The last of several members
    /// with the same name counts, as in JSON parsers.
    /// </summary>
    internal static partial class Json
    {
        private static string Unescape(string json, int start, int end)
        {
            if (json.IndexOf('\\', start, end - start) < 0) return json.Substring(start, end - start);
            var text = new StringBuilder(end - start);
            for (var i = start; i < end; i++)
            {
                if (json[i] != '\\' || i + 1 >= end)
                {
                    text.Append(json[i]);
                    continue;
                }
                var c = json[++i];
                ushort unit;
                if (c == 'u' && i + 4 < end && ushort.TryParse(json.Substring(i + 1, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out unit))
                {
                    text.Append((char)unit);
                    i += 4;
                    continue;
                }
                switch (c)
                {
                    case 'b': text.Append('\b'); break;
                    case 'f': text.Append('\f'); break;
                    case 'n': text.Append('\n'); break;
                    case 'r': text.Append('\r'); break;
                    case 't': text.Append('\t'); break;
                    default: text.Append(c); break;
                }
            }
            return text.ToString();
        }

        /// <summary>Writes <paramref name="text"/> as a JSON string with its quotes.</summary>
        internal static void Quote(StringBuilder json, string text)
        {
            json.Append('"');
            foreach (var c in text)
            {
                if (c == '"' || c == '\\') json.Append('\\').Append(c);
                else if (c < ' ') json.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
                else json.Append(c);
            }
            json.Append('"');
        }
    }
}
