using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using CitizenFX.Core;
using Sonoran.Events;

namespace Sonoran.FiveM
{
    /// <summary>
    /// Converts values from other resources' scripts to JSON. Every value has a conversion: what JSON cannot express
    /// (functions, infinities, what is nested too deeply) becomes null.
    /// </summary>
    internal static class ScriptJson
    {
        private const int MaxDepth = 32;

        internal static string Of(object value)
        {
            var json = new StringBuilder();
            Write(json, value, 0);
            return json.ToString();
        }

        /// <summary>The text of a string, or of JavaScript's bytes if they are UTF-8; null for anything else.</summary>
        internal static string Text(object value)
        {
            var bytes = value as byte[];
            if (bytes == null) return value as string;
            try
            {
                return new UTF8Encoding(false, true).GetString(bytes);
            }
            catch (ArgumentException)
            {
                return null;
            }
        }

        /// <summary>The members of a vector, in order; null for anything else.</summary>
        internal static float[] Members(object value)
        {
            if (value is Vector2) return new[] { ((Vector2)value).X, ((Vector2)value).Y };
            if (value is Vector3) return new[] { ((Vector3)value).X, ((Vector3)value).Y, ((Vector3)value).Z };
            if (value is Vector4) return new[] { ((Vector4)value).X, ((Vector4)value).Y, ((Vector4)value).Z, ((Vector4)value).W };
            if (value is Quaternion) return new[] { ((Quaternion)value).X, ((Quaternion)value).Y, ((Quaternion)value).Z, ((Quaternion)value).W };
            return null;
        }

        internal static string Number(double value, string text)
        {
            return double.IsNaN(value) || double.IsInfinity(value) ? "null" : text;
        }

        internal static void Write(StringBuilder json, object value, int depth)
        {
            var members = Members(value);
            var map = value as IDictionary<string, object>;
            if (value == null || value is Delegate || depth > MaxDepth) json.Append("null");
            else if (members != null) WriteVector(json, members);
            else if (map != null) WriteObject(json, map, depth);
            else if (value is bool) json.Append((bool)value ? "true" : "false");
            else if (value is float) json.Append(Number((float)value, ((float)value).ToString("R", CultureInfo.InvariantCulture)));
            else if (value is double) json.Append(Number((double)value, ((double)value).ToString("R", CultureInfo.InvariantCulture)));
            else if (value is byte[] && Text(value) == null) json.Append("null");
            else if (value is string || value is byte[] || value is char) Json.Quote(json, Text(value) ?? value.ToString());
            else if (value is IEnumerable) WriteArray(json, (IEnumerable)value, depth);
            else if (value.GetType().IsPrimitive || value is decimal) json.Append(((IFormattable)value).ToString(null, CultureInfo.InvariantCulture));
            else Json.Quote(json, value.ToString());
        }

        /// <summary>Writes what GetEntityCoords returns in the hub's format.</summary>
        private static void WriteVector(StringBuilder json, float[] members)
        {
            for (var i = 0; i < members.Length; i++)
                json.Append(i == 0 ? "{\"" : ",\"").Append("xyzw"[i]).Append("\":").Append(Number(members[i], members[i].ToString("R", CultureInfo.InvariantCulture)));
            json.Append('}');
        }

        private static void WriteObject(StringBuilder json, IDictionary<string, object> members, int depth)
        {
            var start = json.Length;
            foreach (var member in members)
            {
                json.Append(json.Length == start ? '{' : ',');
                Json.Quote(json, member.Key);
                json.Append(':');
                Write(json, member.Value, depth + 1);
            }
            json.Append(json.Length == start ? "{}" : "}");
        }

        private static void WriteArray(StringBuilder json, IEnumerable elements, int depth)
        {
            var start = json.Length;
            foreach (var element in elements)
            {
                json.Append(json.Length == start ? '[' : ',');
                Write(json, element, depth + 1);
            }
            json.Append(json.Length == start ? "[]" : "]");
        }
    }
}
