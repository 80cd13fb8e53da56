using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using CitizenFX.Core;
using Sonoran.Events;

namespace Sonoran.FiveM
{
    /// <summary>Unit locations as other resources hand them over, a Lua table or a JavaScript array, to JSON.</summary>
    internal static class UnitLocations
    {
        private const int MaxDepth = 16;

        /// <summary>
        /// The JSON array of the entries that can be sent; null when there is none. As in SonoranCAD, a map
        /// stands for its values, and an entry without a location or without one of the four names of a unit is left out.
        /// </summary>
        internal static string ToJson(object updates)
        {
            var text = updates as string;
            if (text != null) return text.TrimStart().StartsWith("[", StringComparison.Ordinal) ? text : null;
            var map = updates as IDictionary<string, object>;
            var entries = map != null ? map.Values : updates as IEnumerable;
            if (entries == null) return null;

            var json = new StringBuilder("[");
            foreach (var entry in entries)
            {
                var unit = entry as IDictionary<string, object>;
                if (unit == null || !IsSet(unit, "location")
                    || !(IsSet(unit, "communityUserId") || IsSet(unit, "roblox") || IsSet(unit, "apiId") || IsSet(unit, "identId"))) continue;
                if (json.Length > 1) json.Append(',');
                Write(json, unit, 0);
            }
            return json.Length > 1 ? json.Append(']').ToString() : null;
        }

        private static bool IsSet(IDictionary<string, object> unit, string name)
        {
            object value;
            return unit.TryGetValue(name, out value) && value != null && !"".Equals(value);
        }

        private static void Write(StringBuilder json, object value, int depth)
        {
            if (value == null || value is Delegate || depth > MaxDepth) json.Append("null");
            else if (value is string) Json.Quote(json, (string)value);
            else if (value is bool) json.Append((bool)value ? "true" : "false");
            else if (value is float) WriteNumber(json, (float)value, ((float)value).ToString("R", CultureInfo.InvariantCulture));
            else if (value is double) WriteNumber(json, (double)value, ((double)value).ToString("R", CultureInfo.InvariantCulture));
            else if (value is Vector3) WriteVector(json, ((Vector3)value).X, ((Vector3)value).Y, ((Vector3)value).Z, null, depth);
            else if (value is Vector4) WriteVector(json, ((Vector4)value).X, ((Vector4)value).Y, ((Vector4)value).Z, ((Vector4)value).W, depth);
            else if (value is IDictionary<string, object>) WriteObject(json, (IDictionary<string, object>)value, depth);
            else if (value is IEnumerable) WriteArray(json, (IEnumerable)value, depth);
            else if (value is IFormattable) json.Append(((IFormattable)value).ToString(null, CultureInfo.InvariantCulture));
            else Json.Quote(json, value.ToString());
        }

        private static void WriteNumber(StringBuilder json, double value, string text)
        {
            json.Append(double.IsNaN(value) || double.IsInfinity(value) ? "null" : text);
        }

        /// <summary>What GetEntityCoords gives, in the hub's spelling.</summary>
        private static void WriteVector(StringBuilder json, float x, float y, float z, float? w, int depth)
        {
            var vector = new Dictionary<string, object> { { "x", x }, { "y", y }, { "z", z } };
            if (w != null) vector.Add("w", w.Value);
            WriteObject(json, vector, depth);
        }

        private static void WriteObject(StringBuilder json, IDictionary<string, object> members, int depth)
        {
            json.Append('{');
            var first = true;
            foreach (var member in members)
            {
                if (!first) json.Append(',');
                first = false;
                Json.Quote(json, member.Key);
                json.Append(':');
                Write(json, member.Value, depth + 1);
            }
            json.Append('}');
        }

        private static void WriteArray(StringBuilder json, IEnumerable elements, int depth)
        {
            json.Append('[');
            var first = true;
            foreach (var element in elements)
            {
                if (!first) json.Append(',');
                first = false;
                Write(json, element, depth + 1);
            }
            json.Append(']');
        }
    }
}
