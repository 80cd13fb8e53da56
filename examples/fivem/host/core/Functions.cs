using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Text;
using System.Threading.Tasks;

namespace CitizenFX.Core
{
    public delegate object CallbackDelegate(params object[] args);

    public delegate Task<object> NetworkCallbackDelegate(params object[] args);

    [AttributeUsage(AttributeTargets.Parameter)]
    public sealed class FromSourceAttribute : Attribute { }

    /// <summary>
    /// The functions that a runtime has handed out, by number. Others call one "resource:instance:number", with a new
    /// instance for each start. Each function has a count of its holders.
    /// </summary>
    internal sealed class FunctionTable
    {
        private sealed class Entry
        {
            internal Delegate Function;
            internal int Holders;
        }

        private readonly Dictionary<int, Entry> _entries = new Dictionary<int, Entry>();
        private int _next;

        internal int Count
        {
            get { lock (_entries) return _entries.Count; }
        }

        internal string Create(Delegate function)
        {
            var runtime = ScriptRuntime.Current;
            lock (_entries) _entries[_next] = new Entry { Function = function };
            return runtime.ResourceName + ":" + runtime.Instance + ":" + _next++;
        }

        internal bool Duplicate(int number)
        {
            lock (_entries)
            {
                Entry entry;
                if (!_entries.TryGetValue(number, out entry)) return false;
                entry.Holders++;
                return true;
            }
        }

        internal void Remove(int number)
        {
            lock (_entries)
            {
                Entry entry;
                if (_entries.TryGetValue(number, out entry) && --entry.Holders <= 0) _entries.Remove(number);
            }
        }

        internal byte[] Invoke(int number, byte[] arguments)
        {
            Entry entry;
            lock (_entries) _entries.TryGetValue(number, out entry);
            if (entry == null)
            {
                Debug.WriteLine("No such reference for " + number + ".");
                return Wire.Write(null);
            }
            var function = entry.Function;
            var passed = CallUtilities.Pass(function.Method, ((List<object>)Wire.Read(arguments)).ToArray(), "");
            var result = function.DynamicInvoke(passed);
            var task = result as Task;
            return Wire.Write(new[] { task == null ? result : Promise(task) });
        }

        /// <summary>A task leaves as a function that takes a callback. A failed task never calls it, as in the runtime.</summary>
        private static object Promise(Task task)
        {
            return new Dictionary<string, object>
            {
                { "__cfx_async_retval", new Action<object>(callback => task.ContinueWith(done =>
                    ((CallbackDelegate)callback)(new[] { done.GetType().GetProperty("Result").GetValue(done, null) }, false))) },
            };
        }
    }

    /// <summary>Another runtime's function. Collecting its holder releases it, possibly on another thread.</summary>
    internal sealed class RemoteFunction
    {
        private readonly IScriptServer _server;

        internal RemoteFunction(string reference)
        {
            Reference = reference;
            _server = ScriptRuntime.Current.Server;
            _server.DuplicateReference(reference);
        }

        internal string Reference { get; }

        ~RemoteFunction()
        {
            _server.DeleteReference(Reference);
        }

        internal object Call(object[] arguments)
        {
            var sent = Wire.Write(arguments);
            var answer = ScriptRuntime.Leaving(() => _server.InvokeReference(Reference, sent));
            var results = answer == null || answer.Length == 0 ? null : Wire.Read(answer) as List<object>;
            if (results == null || results.Count == 0) return null;
            var map = results[0] as IDictionary<string, object>;
            object promise;
            if (map == null || !map.TryGetValue("__cfx_async_retval", out promise)) return results[0];
            var settled = new TaskCompletionSource<object>();
            ((CallbackDelegate)promise)(new Action<object, object>((values, error) =>
            {
                if (error != null && !false.Equals(error)) settled.SetException(new Exception(error.ToString()));
                else settled.SetResult(((List<object>)values)[0]);
            }));
            return settled.Task;
        }
    }

    internal static class CallUtilities
    {
        /// <summary>The arguments that a handler gets: missing ones are empty, numbers are converted, surplus ones are dropped.</summary>
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
