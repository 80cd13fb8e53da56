using System;
using System.Collections;
using System.Collections.Generic;
using System.Dynamic;
using System.IO;
using System.Linq;
using System.Text;

namespace CitizenFX.Core
{
    /// <summary>
    /// What arguments travel in between resources, as CitizenFX.Core writes and reads it: tables come out as
    /// ExpandoObject or List, whole numbers in the smallest type that holds them, functions as CallbackDelegate.
    /// </summary>
    internal static class MsgPack
    {
        private const byte FunctionType = 10, Vector3Type = 21, Vector4Type = 22;

        internal static byte[] Serialize(object value)
        {
            var stream = new MemoryStream();
            Write(new BinaryWriter(stream), value);
            return stream.ToArray();
        }

        internal static object Deserialize(byte[] data, string source = null)
        {
            return Read(new BinaryReader(new MemoryStream(data)), source);
        }

        private static void Write(BinaryWriter to, object value)
        {
            if (value == null) to.Write((byte)0xc0);
            else if (value is bool) to.Write((bool)value ? (byte)0xc3 : (byte)0xc2);
            else if (value is string) WriteText(to, (string)value);
            else if (value is float) { to.Write((byte)0xca); Reversed(to, BitConverter.GetBytes((float)value)); }
            else if (value is double) { to.Write((byte)0xcb); Reversed(to, BitConverter.GetBytes((double)value)); }
            else if (value is Vector3) { var v = (Vector3)value; WriteExtension(to, Vector3Type, Floats(v.X, v.Y, v.Z)); }
            else if (value is Vector4) { var v = (Vector4)value; WriteExtension(to, Vector4Type, Floats(v.X, v.Y, v.Z, v.W)); }
            else if (value is Delegate) WriteExtension(to, FunctionType, Encoding.UTF8.GetBytes(FunctionReference.Create((Delegate)value)));
            else if (value is IConvertible) WriteInteger(to, Convert.ToInt64(value));
            else if (value is IDictionary<string, object>) WriteMap(to, ((IDictionary<string, object>)value).ToList());
            else if (value is IEnumerable) WriteArray(to, ((IEnumerable)value).Cast<object>().ToList());
            else WriteMap(to, value.GetType().GetProperties().Select(p => new KeyValuePair<string, object>(p.Name, p.GetValue(value, null))).ToList());
        }

        private static void WriteInteger(BinaryWriter to, long value)
        {
            if (value >= 0 && value < 0x80) to.Write((byte)value);
            else if (value < 0 && value >= -32) to.Write((byte)(value + 256));
            else if (value >= 0 && value <= byte.MaxValue) { to.Write((byte)0xcc); to.Write((byte)value); }
            else if (value >= 0 && value <= ushort.MaxValue) { to.Write((byte)0xcd); Reversed(to, BitConverter.GetBytes((ushort)value)); }
            else if (value >= int.MinValue && value <= int.MaxValue) { to.Write((byte)0xd2); Reversed(to, BitConverter.GetBytes((int)value)); }
            else { to.Write((byte)0xd3); Reversed(to, BitConverter.GetBytes(value)); }
        }

        private static void WriteText(BinaryWriter to, string text)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            if (bytes.Length < 32) to.Write((byte)(0xa0 | bytes.Length));
            else Length(to, 0xdb, bytes.Length);
            to.Write(bytes);
        }

        private static void WriteMap(BinaryWriter to, List<KeyValuePair<string, object>> members)
        {
            Length(to, 0xdf, members.Count);
            foreach (var member in members)
            {
                WriteText(to, member.Key);
                Write(to, member.Value);
            }
        }

        private static void WriteArray(BinaryWriter to, List<object> elements)
        {
            Length(to, 0xdd, elements.Count);
            foreach (var element in elements) Write(to, element);
        }

        private static void WriteExtension(BinaryWriter to, byte type, byte[] data)
        {
            Length(to, 0xc9, data.Length);
            to.Write(type);
            to.Write(data);
        }

        private static void Length(BinaryWriter to, byte marker, int length)
        {
            to.Write(marker);
            Reversed(to, BitConverter.GetBytes(length));
        }

        /// <summary>MessagePack's numbers are big-endian.</summary>
        private static void Reversed(BinaryWriter to, byte[] littleEndian)
        {
            Array.Reverse(littleEndian);
            to.Write(littleEndian);
        }

        private static byte[] Floats(params float[] values)
        {
            return values.SelectMany(BitConverter.GetBytes).ToArray();
        }

        private static object Read(BinaryReader from, string source)
        {
            var marker = from.ReadByte();
            if (marker < 0x80) return (int)marker;
            if (marker >= 0xe0) return marker - 256;
            if (marker >= 0xa0 && marker < 0xc0) return Text(from, marker & 31);
            switch (marker)
            {
                case 0xc0: return null;
                case 0xc2: return false;
                case 0xc3: return true;
                case 0xc9: return Extension(from, Int(from), source);
                case 0xca: return BitConverter.ToSingle(Reversed(from, 4), 0);
                case 0xcb: return BitConverter.ToDouble(Reversed(from, 8), 0);
                case 0xcc: return from.ReadByte();
                case 0xcd: return BitConverter.ToUInt16(Reversed(from, 2), 0);
                case 0xd2: return Int(from);
                case 0xd3: return BitConverter.ToInt64(Reversed(from, 8), 0);
                case 0xdb: return Text(from, Int(from));
                case 0xdd:
                    var list = new List<object>();
                    for (var left = Int(from); left > 0; left--) list.Add(Read(from, source));
                    return list;
                case 0xdf:
                    IDictionary<string, object> map = new ExpandoObject();
                    for (var left = Int(from); left > 0; left--)
                    {
                        var key = Convert.ToString(Read(from, source));
                        map[key] = Read(from, source);
                    }
                    return map;
                default: throw new InvalidDataException("MessagePack type " + marker + " is not written by this host");
            }
        }

        private static int Int(BinaryReader from)
        {
            return BitConverter.ToInt32(Reversed(from, 4), 0);
        }

        private static byte[] Reversed(BinaryReader from, int count)
        {
            var bytes = from.ReadBytes(count);
            Array.Reverse(bytes);
            return bytes;
        }

        private static string Text(BinaryReader from, int length)
        {
            return Encoding.UTF8.GetString(from.ReadBytes(length));
        }

        private static object Extension(BinaryReader from, int length, string source)
        {
            var type = from.ReadByte();
            switch (type)
            {
                case Vector3Type: return new Vector3(from.ReadSingle(), from.ReadSingle(), from.ReadSingle());
                case Vector4Type: return new Vector4(from.ReadSingle(), from.ReadSingle(), from.ReadSingle(), from.ReadSingle());
                case FunctionType:
                    var reference = Text(from, length);
                    // A player's function is not one that can be called at once.
                    if (source != null) return new NetworkCallbackDelegate(arguments => null);
                    return new CallbackDelegate(arguments => FunctionReference.InvokeRemote(reference, arguments));
                default: throw new InvalidDataException("MessagePack extension " + type + " is not written by this host");
            }
        }
    }
}
