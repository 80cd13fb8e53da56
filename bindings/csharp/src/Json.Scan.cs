#if !NET8_0_OR_GREATER
namespace Sonoran.Events
{
    /// <summary>Hand-written: System.Text.Json would cost Mono and .NET Framework plugins seven assemblies.</summary>
    internal static partial class Json
    {
        /// <summary>The JSON text of a top-level member, or null if there is none.</summary>
        internal static string Raw(string json, string name)
        {
            int start, end;
            return Find(json, name, out start, out end) ? json.Substring(start, end - start) : null;
        }

        /// <summary>As <see cref="Raw"/>, but a string's content without quotes and escapes.</summary>
        internal static string Text(string json, string name)
        {
            int start, end;
            if (!Find(json, name, out start, out end)) return null;
            return json[start] == '"' ? Unescape(json, start + 1, end - 1) : json.Substring(start, end - start);
        }

        private static bool Find(string json, string name, out int start, out int end)
        {
            start = end = -1;
            var at = Space(json, 0);
            if (At(json, at) != '{') return false;
            at = Space(json, at + 1);
            while (At(json, at) == '"')
            {
                int key = at, afterKey = String(json, at);
                at = Space(json, afterKey);
                if (At(json, at) != ':') break;
                int value = Space(json, at + 1), afterValue = Value(json, value);
                if (afterValue <= value || afterValue > json.Length) break;
                if (Same(json, key + 1, afterKey - 1, name))
                {
                    start = value;
                    end = afterValue;
                }
                at = Space(json, afterValue);
                if (At(json, at) != ',') break;
                at = Space(json, at + 1);
            }
            return start >= 0;
        }

        private static char At(string json, int at)
        {
            return at < json.Length ? json[at] : '\0';
        }

        private static int Space(string json, int at)
        {
            for (; at < json.Length; at++)
            {
                var c = json[at];
                if (c != ' ' && c != '\t' && c != '\n' && c != '\r') break;
            }
            return at;
        }

        /// <summary>The position after the closing quote of the string at <paramref name="at"/>.</summary>
        private static int String(string json, int at)
        {
            for (at++; at < json.Length; at++)
            {
                var c = json[at];
                if (c == '"') return at + 1;
                if (c == '\\') at++;
            }
            return json.Length + 1;
        }

        private static int Value(string json, int at)
        {
            switch (At(json, at))
            {
                case '"':
                    return String(json, at);
                case '{':
                case '[':
                    var depth = 0;
                    while (at < json.Length)
                    {
                        switch (json[at])
                        {
                            case '"':
                                at = String(json, at);
                                continue;
                            case '{':
                            case '[':
                                depth++;
                                break;
                            case '}':
                            case ']':
                                if (--depth == 0) return at + 1;
                                break;
                        }
                        at++;
                    }
                    return json.Length + 1;
                default:
                    while (at < json.Length && " \t\n\r,}]".IndexOf(json[at]) < 0) at++;
                    return at;
            }
        }

        private static bool Same(string json, int start, int end, string name)
        {
            if (json.IndexOf('\\', start, end - start) >= 0) return Unescape(json, start, end) == name;
            return end - start == name.Length && string.CompareOrdinal(json, start, name, 0, name.Length) == 0;
        }
    }
}
#endif
