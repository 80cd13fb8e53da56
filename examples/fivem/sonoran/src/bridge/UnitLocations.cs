using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using Sonoran.Events;

namespace Sonoran.FiveM
{
    /// <summary>
    /// Converts other resources' unit locations to the hub's JSON. Some of the data comes from players' games, so a
    /// wrong location must not spoil the others: what can be converted is converted, and the rest is left out.
    /// </summary>
    internal static class UnitLocations
    {
        private static readonly string[] Names = { "communityUserId", "roblox", "apiId", "identId" };

        /// <summary>
        /// The JSON array of the entries that can be sent; null if there are none. As in SonoranCAD, a map stands for
        /// its values, and an entry without a location or without one of the four names of a unit is left out.
        /// </summary>
        /// <param name="problem">What was left out or ignored, as a sentence; null when nothing was.</param>
        internal static string ToJson(object updates, out string problem)
        {
            problem = null;
            var text = ScriptJson.Text(updates);
            if (text != null)
            {
                if (text.TrimStart().StartsWith("[", StringComparison.Ordinal)) return text;
                problem = "the text is no JSON array";
                return null;
            }
            var map = updates as IDictionary<string, object>;
            // A single update instead of a list.
            var entries = map == null ? updates as IEnumerable : map.ContainsKey("location") ? new object[] { map } : (IEnumerable)map.Values;
            if (entries == null)
            {
                problem = "they are neither a table nor a JSON text";
                return null;
            }
            var json = new StringBuilder();
            foreach (var entry in entries) WriteUnit(json, entry as IDictionary<string, object>, ref problem);
            return json.Length == 0 ? null : json.Append(']').ToString();
        }

        /// <summary>The elements of a JSON array, each as an array of one.</summary>
        internal static IEnumerable<string> Singly(string array)
        {
            var at = array.IndexOf('[') + 1;
            int depth = 0, start = at;
            for (; at < array.Length; at++)
            {
                var c = array[at];
                if (c == '"')
                {
                    while (++at < array.Length && array[at] != '"')
                        if (array[at] == '\\') at++;
                    continue;
                }
                if (c == '[' || c == '{') depth++;
                else if (c == ']' || c == '}') depth--;
                if (depth < 0 || (depth == 0 && c == ','))
                {
                    var element = array.Substring(start, at - start).Trim();
                    if (element != "") yield return "[" + element + "]";
                    if (depth < 0) yield break;
                    start = at + 1;
                }
            }
        }

        private static void WriteUnit(StringBuilder json, IDictionary<string, object> unit, ref string problem)
        {
            string id = null;
            if (unit != null)
                foreach (var name in Names)
                    if (id == null) id = Id(unit, name);
            var location = unit == null ? null : Plain(Member(unit, "location"));
            if (id == null || string.IsNullOrEmpty(location))
            {
                problem = unit == null ? "an update is no table"
                    : id == null ? "an update has none of communityUserId, roblox, apiId and identId" : "the update of unit " + id + " has no location";
                return;
            }
            json.Append(json.Length == 0 ? '[' : ',').Append("{\"location\":");
            Json.Quote(json, location);
            foreach (var member in unit)
            {
                if (member.Key == "location" || member.Value == null) continue;
                var start = json.Length;
                json.Append(',');
                Json.Quote(json, member.Key);
                json.Append(':');
                if (WriteMember(json, member.Key, member.Value)) continue;
                json.Length = start;
                problem = "the " + member.Key + " of unit " + id + " cannot be read and was left out";
            }
            json.Append('}');
        }

        /// <summary>False: the hub does not take this value, and it cannot be converted.</summary>
        private static bool WriteMember(StringBuilder json, string name, object value)
        {
            switch (name)
            {
                case "roblox":
                    return WriteNumber(json, value);
                case "communityUserId":
                case "apiId":
                case "identId":
                    if (value is string && (string)value != "") Json.Quote(json, (string)value);
                    else return WriteNumber(json, value);
                    return true;
                case "coordinates":
                    return WriteCoordinates(json, value);
                case "vehicle":
                    if (!(value is IDictionary<string, object>)) return false;
                    break;
                case "peerId":
                    if (Plain(value) == null) return false;
                    break;
            }
            ScriptJson.Write(json, value, 1);
            return true;
        }

        /// <summary>A vector, a table of x, y, z and w, or a list of them; as numbers or as text.</summary>
        private static bool WriteCoordinates(StringBuilder json, object value)
        {
            var given = new List<object>();
            var vector = ScriptJson.Members(value);
            var map = value as IDictionary<string, object>;
            if (vector != null) foreach (var member in vector) given.Add(member);
            else if (map != null) foreach (var name in new[] { "x", "y", "z", "w" }) given.Add(Member(map, name));
            else if (value is IList) foreach (var member in (IList)value) given.Add(member);
            if (given.Count < 2 || given.Count > 4) return false;
            for (var i = 0; i < given.Count; i++)
            {
                // A height (z) or a heading (w) may be missing, a place (x, y) may not.
                if (given[i] == null && i >= 2) continue;
                json.Append(i == 0 ? "{\"" : ",\"").Append("xyzw"[i]).Append("\":");
                if (!WriteNumber(json, given[i])) return false;
            }
            json.Append('}');
            return true;
        }

        private static bool WriteNumber(StringBuilder json, object value)
        {
            double number;
            var text = value as string;
            if (text != null)
            {
                if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number)) return false;
                long whole;
                text = long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out whole)
                    ? whole.ToString(CultureInfo.InvariantCulture) : number.ToString("R", CultureInfo.InvariantCulture);
            }
            else
            {
                if (!(value is IConvertible) || value is bool) return false;
                number = Convert.ToDouble(value, CultureInfo.InvariantCulture);
                text = ScriptJson.Of(value);
            }
            if (ScriptJson.Number(number, text) == "null") return false;
            json.Append(text);
            return true;
        }

        /// <summary>The unit's name if it is usable, which the console shows too.</summary>
        private static string Id(IDictionary<string, object> unit, string name)
        {
            var id = Plain(Member(unit, name));
            if (id == "") return null;
            double number;
            return name == "roblox" && !double.TryParse(id, NumberStyles.Float, CultureInfo.InvariantCulture, out number) ? null : id;
        }

        private static object Member(IDictionary<string, object> unit, string name)
        {
            object value;
            return unit.TryGetValue(name, out value) ? value : null;
        }

        /// <summary>A string, or a number as one.</summary>
        private static string Plain(object value)
        {
            return value is string || (value is IConvertible && !(value is bool)) ? Convert.ToString(value, CultureInfo.InvariantCulture) : null;
        }
    }
}
