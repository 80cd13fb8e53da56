using System;
using System.Collections;
using System.Collections.Generic;
using System.Dynamic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using MsgPack;

namespace CitizenFX.Core
{
    /// <summary>
    /// What travels between runtimes, through the C# runtime's own MessagePack library: tables come out as
    /// ExpandoObject or List, whole numbers in the smallest type that holds them, functions as CallbackDelegate.
    /// </summary>
    internal static class Wire
    {
        internal const byte FunctionType = 10, LocalFunctionType = 11, Vector2Type = 20, Vector3Type = 21, Vector4Type = 22, QuaternionType = 23;

        /// <summary>The library asks for a smaller platform's assemblies. This platform's have what it needs.</summary>
#if NET
        [System.Runtime.CompilerServices.ModuleInitializer]
        internal static void Resolve()
        {
            AppDomain.CurrentDomain.AssemblyResolve += (sender, asked) =>
                asked.Name.Contains("Version=5.0.5.0") ? System.Reflection.Assembly.Load(new System.Reflection.AssemblyName(asked.Name).Name) : null;
        }
#else
        static Wire()
        {
            AppDomain.CurrentDomain.AssemblyResolve += (sender, asked) => asked.Name.StartsWith("System.Core,", StringComparison.Ordinal) ? typeof(Enumerable).Assembly : null;
        }
#endif

        internal static byte[] Write(object value)
        {
            var stream = new MemoryStream();
            using (var packer = Packer.Create(stream, PackerCompatibilityOptions.None))
            {
                Write(packer, value);
                return stream.ToArray();
            }
        }

        private static void Write(Packer to, object value)
        {
            if (value == null) to.PackNull();
            else if (value is string) to.PackString((string)value);
            else if (value is byte[]) to.PackBinary((byte[])value);
            else if (value is bool) to.Pack((bool)value);
            else if (value is float) to.Pack((float)value);
            else if (value is double) to.Pack((double)value);
            else if (value is ulong) to.Pack((ulong)value);
            else if (value is IConvertible) to.Pack(Convert.ToInt64(value));
            else if (value is IDictionary<string, object>) WriteMap(to, ((IDictionary<string, object>)value).Select(m => new KeyValuePair<object, object>(m.Key, m.Value)).ToList());
            else if (value is IDictionary) WriteMap(to, ((IDictionary)value).Cast<DictionaryEntry>().Select(m => new KeyValuePair<object, object>(m.Key, m.Value)).ToList());
            else if (value is IEnumerable) WriteArray(to, ((IEnumerable)value).Cast<object>().ToList());
            else if (value is CallbackDelegate && ((CallbackDelegate)value).Target is RemoteFunction) WriteFunction(to, ((RemoteFunction)((CallbackDelegate)value).Target).Reference);
            else if (value is Delegate) WriteFunction(to, ScriptRuntime.Current.Functions.Create((Delegate)value));
            else if (value is Vector2) WriteFloats(to, Vector2Type, ((Vector2)value).X, ((Vector2)value).Y);
            else if (value is Vector3) WriteFloats(to, Vector3Type, ((Vector3)value).X, ((Vector3)value).Y, ((Vector3)value).Z);
            else if (value is Vector4) WriteFloats(to, Vector4Type, ((Vector4)value).X, ((Vector4)value).Y, ((Vector4)value).Z, ((Vector4)value).W);
            else if (value is Quaternion) WriteFloats(to, QuaternionType, ((Quaternion)value).X, ((Quaternion)value).Y, ((Quaternion)value).Z, ((Quaternion)value).W);
            else WriteMap(to, value.GetType().GetProperties().Select(p => new KeyValuePair<object, object>(p.Name, p.GetValue(value, null))).ToList());
        }

        private static void WriteMap(Packer to, List<KeyValuePair<object, object>> members)
        {
            to.PackMapHeader(members.Count);
            foreach (var member in members)
            {
                Write(to, member.Key);
                Write(to, member.Value);
            }
        }

        private static void WriteArray(Packer to, List<object> elements)
        {
            to.PackArrayHeader(elements.Count);
            foreach (var element in elements) Write(to, element);
        }

        private static void WriteFunction(Packer to, string reference)
        {
            to.PackExtendedTypeValue(FunctionType, Encoding.UTF8.GetBytes(reference));
        }

        private static void WriteFloats(Packer to, byte type, params float[] values)
        {
            to.PackExtendedTypeValue(type, values.SelectMany(BitConverter.GetBytes).ToArray());
        }

        /// <param name="source">The player who sent it; null for what comes from the server itself.</param>
        internal static object Read(byte[] data, string source = null)
        {
            return From(Unpacking.UnpackObject(data).Value, source);
        }

        private static object From(MessagePackObject value, string source)
        {
            if (value.IsNil) return null;
            if (value.IsArray) return value.AsList().Select(element => From(element, source)).ToList();
            if (value.IsMap)
            {
                IDictionary<string, object> map = new ExpandoObject();
                foreach (var member in value.AsDictionary()) map[From(member.Key, source).ToString()] = From(member.Value, source);
                return map;
            }
            if (value.IsTypeOf<MessagePackExtendedTypeObject>() == true) return From(value.AsMessagePackExtendedTypeObject(), source);
            if (value.IsTypeOf<string>() == true) return value.AsString();
            var simple = value.ToObject();
            // A number that shares one byte with its marker comes out as int.
            if (simple is byte && (byte)simple < 0x80) return (int)(byte)simple;
            if (simple is sbyte && (sbyte)simple >= -32) return (int)(sbyte)simple;
            return simple;
        }

        private static object From(MessagePackExtendedTypeObject value, string source)
        {
            var body = value.GetBody();
            Func<int, float> number = at => BitConverter.ToSingle(body, 4 * at);
            switch (value.TypeCode)
            {
                case Vector2Type: return new Vector2(number(0), number(1));
                case Vector3Type: return new Vector3(number(0), number(1), number(2));
                case Vector4Type: return new Vector4(number(0), number(1), number(2), number(3));
                case QuaternionType: return new Quaternion(number(0), number(1), number(2), number(3));
                case FunctionType:
                case LocalFunctionType:
                    // A player's function cannot be called at once.
                    if (source != null && value.TypeCode == FunctionType) return new NetworkCallbackDelegate(arguments => new TaskCompletionSource<object>().Task);
                    return new CallbackDelegate(new RemoteFunction(Encoding.UTF8.GetString(body)).Call);
                default: throw new InvalidOperationException("Extension type " + value.TypeCode + " not handled.");
            }
        }
    }
}
