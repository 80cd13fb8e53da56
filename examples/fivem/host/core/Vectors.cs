using System;
using System.Globalization;

namespace CitizenFX.Core
{
    public struct Vector2 : IFormattable
    {
        public float X, Y;

        public Vector2(float x, float y)
        {
            X = x;
            Y = y;
        }

        public string ToString(string format, IFormatProvider provider)
        {
            return Text.Of(provider, format, "X", X, "Y", Y);
        }
    }

    public struct Vector3 : IFormattable
    {
        public float X, Y, Z;

        public Vector3(float x, float y, float z)
        {
            X = x;
            Y = y;
            Z = z;
        }

        public string ToString(string format, IFormatProvider provider)
        {
            return Text.Of(provider, format, "X", X, "Y", Y, "Z", Z);
        }
    }

    public struct Vector4 : IFormattable
    {
        public float X, Y, Z, W;

        public Vector4(float x, float y, float z, float w)
        {
            X = x;
            Y = y;
            Z = z;
            W = w;
        }

        public string ToString(string format, IFormatProvider provider)
        {
            return Text.Of(provider, format, "X", X, "Y", Y, "Z", Z, "W", W);
        }
    }

    public struct Quaternion : IFormattable
    {
        public float X, Y, Z, W;

        public Quaternion(float x, float y, float z, float w)
        {
            X = x;
            Y = y;
            Z = z;
            W = w;
        }

        public string ToString(string format, IFormatProvider provider)
        {
            return Text.Of(provider, format, "X", X, "Y", Y, "Z", Z, "W", W);
        }
    }

    /// <summary>A vector as text: "X:1 Y:2", which is not JSON.</summary>
    internal static class Text
    {
        internal static string Of(IFormatProvider provider, string format, params object[] members)
        {
            var text = "";
            for (var i = 0; i < members.Length; i += 2)
                text += (i > 0 ? " " : "") + members[i] + ":" + ((float)members[i + 1]).ToString(format, provider ?? CultureInfo.CurrentCulture);
            return text;
        }
    }
}
