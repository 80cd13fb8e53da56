using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Threading.Tasks;

namespace CitizenFX.Core
{
    public delegate object CallbackDelegate(params object[] args);

    public delegate Task<object> NetworkCallbackDelegate(params object[] args);

    [AttributeUsage(AttributeTargets.Parameter)]
    public sealed class FromSourceAttribute : Attribute { }

    /// <summary>Functions that are handed to other resources go as the resource's name and a number.</summary>
    internal static class FunctionReference
    {
        internal static string Create(Delegate function)
        {
            var runtime = ScriptRuntime.Current;
            runtime.Functions.Add(function);
            return runtime.ResourceName + ":" + (runtime.Functions.Count - 1);
        }

        internal static byte[] Invoke(int number, byte[] arguments)
        {
            var function = ScriptRuntime.Current.Functions[number];
            var passed = CallUtilities.Pass(function.Method, ((List<object>)MsgPack.Deserialize(arguments)).ToArray(), "");
            return MsgPack.Serialize(new[] { function.DynamicInvoke(passed) });
        }

        internal static object InvokeRemote(string reference, object[] arguments)
        {
            var results = MsgPack.Deserialize(ScriptRuntime.Current.Server.InvokeReference(reference, MsgPack.Serialize(arguments))) as List<object>;
            return results == null || results.Count == 0 ? null : results[0];
        }
    }

    internal static class CallUtilities
    {
        /// <summary>The arguments that a handler gets: missing ones are empty, numbers are converted, further ones dropped.</summary>
        internal static object[] Pass(MethodInfo method, object[] arguments, string source)
        {
            var passed = new List<object>();
            var next = 0;
            foreach (var parameter in method.GetParameters())
            {
                var type = parameter.ParameterType;
                if (parameter.GetCustomAttributes(typeof(FromSourceAttribute), false).Any()) passed.Add(string.IsNullOrEmpty(source) ? null : source);
                else if (next >= arguments.Length) passed.Add(type.IsValueType ? Activator.CreateInstance(type) : null);
                else passed.Add(Change(arguments[next++], type));
            }
            return passed.ToArray();
        }

        private static object Change(object value, Type type)
        {
            if (value == null || type.IsInstanceOfType(value)) return value;
            if (value is IConvertible) return Convert.ChangeType(value, type);
            throw new InvalidCastException("Could not cast event argument from " + value.GetType().Name + " to " + type.Name);
        }
    }
}
