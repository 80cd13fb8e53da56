using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using CitizenFX.Core.Native;

namespace CitizenFX.Core
{
    public abstract class BaseScript
    {
        private readonly Dictionary<Func<Task>, Task> _ticks = new Dictionary<Func<Task>, Task>();

        protected BaseScript()
        {
            EventHandlers = new EventHandlerDictionary();
            Exports = new ExportDictionary();
        }

        protected internal EventHandlerDictionary EventHandlers { get; private set; }

        protected ExportDictionary Exports { get; private set; }

        /// <summary>Called on every tick, but never again before its task is done.</summary>
        protected event Func<Task> Tick
        {
            add { _ticks[value] = null; }
            remove { _ticks.Remove(value); }
        }

        public static void TriggerEvent(string eventName, params object[] args)
        {
            ScriptRuntime.Current.Server.TriggerEvent(eventName, MsgPack.Serialize(args), "");
        }

        internal void RunTicks()
        {
            foreach (var tick in new List<Func<Task>>(_ticks.Keys))
                if (_ticks[tick] == null || _ticks[tick].IsCompleted) _ticks[tick] = tick();
        }
    }

    public class EventHandlerDictionary : Dictionary<string, EventHandlerEntry>
    {
        /// <summary>Names are compared without regard to case.</summary>
        public new EventHandlerEntry this[string key]
        {
            get
            {
                EventHandlerEntry entry;
                if (TryGetValue(key.ToLower(), out entry)) return entry;
                Add(key.ToLower(), entry = new EventHandlerEntry(key));
                API.RegisterResourceAsEventHandler(key);
                return entry;
            }
            set { }
        }

        internal void Invoke(string eventName, string source, object[] arguments)
        {
            EventHandlerEntry entry;
            if (TryGetValue(eventName.ToLower(), out entry)) entry.Invoke(source, arguments);
        }
    }

    public class EventHandlerEntry
    {
        private readonly string _name;
        private readonly List<Delegate> _handlers = new List<Delegate>();

        public EventHandlerEntry(string eventName)
        {
            _name = eventName;
        }

        public static EventHandlerEntry operator +(EventHandlerEntry entry, Delegate handler)
        {
            entry._handlers.Add(handler);
            return entry;
        }

        public static EventHandlerEntry operator -(EventHandlerEntry entry, Delegate handler)
        {
            entry._handlers.Remove(handler);
            return entry;
        }

        /// <summary>A handler that throws is told on the console and never called again.</summary>
        internal void Invoke(string source, object[] arguments)
        {
            foreach (var handler in _handlers.ToArray())
            {
                try
                {
                    handler.DynamicInvoke(CallUtilities.Pass(handler.Method, arguments, source));
                }
                catch (Exception e)
                {
                    Debug.WriteLine("Error invoking callback for event " + _name + ": " + e);
                    _handlers.Remove(handler);
                }
            }
        }
    }

    public class ExportDictionary
    {
        public void Add(string name, Delegate method)
        {
            var eventName = "__cfx_export_" + API.GetCurrentResourceName() + "_" + name;
            API.RegisterResourceAsEventHandler(eventName);
            ScriptRuntime.Current.Exports[eventName] = method;
        }

        internal static void Invoke(string eventName, object[] arguments)
        {
            Delegate function;
            if (ScriptRuntime.Current.Exports.TryGetValue(eventName, out function)) ((Delegate)arguments[0]).DynamicInvoke(new object[] { new object[] { function } });
        }
    }

    public static class Debug
    {
        public static void WriteLine(string data)
        {
            ScriptRuntime.Current.Server.Trace(ScriptRuntime.Current.ResourceName, data);
        }
    }

    public struct Vector3
    {
        public float X, Y, Z;

        public Vector3(float x, float y, float z)
        {
            X = x;
            Y = y;
            Z = z;
        }
    }

    public struct Vector4
    {
        public float X, Y, Z, W;

        public Vector4(float x, float y, float z, float w)
        {
            X = x;
            Y = y;
            Z = z;
            W = w;
        }
    }
}

namespace CitizenFX.Core.Native
{
    public class InputArgument
    {
        internal readonly Delegate Function;

        private InputArgument(Delegate function)
        {
            Function = function;
        }

        public static implicit operator InputArgument(Delegate value)
        {
            return new InputArgument(value);
        }
    }

    public static class API
    {
        public static string GetConvar(string varName, string default_)
        {
            return ScriptRuntime.Current.Server.GetConvar(varName, default_);
        }

        public static string GetCurrentResourceName()
        {
            return ScriptRuntime.Current.ResourceName;
        }

        public static string GetResourcePath(string resourceName)
        {
            return ScriptRuntime.Current.Server.GetResourcePath(resourceName);
        }

        public static void RegisterResourceAsEventHandler(string eventName)
        {
            ScriptRuntime.Current.Server.RegisterResourceAsEventHandler(ScriptRuntime.Current.ResourceName, eventName);
        }

        public static void RegisterCommand(string commandName, InputArgument handler, bool restricted)
        {
            ScriptRuntime.Current.Server.RegisterCommand(commandName, FunctionReference.Create(handler.Function), restricted);
        }

        public static void SetHttpHandler(InputArgument handler)
        {
            ScriptRuntime.Current.Server.SetHttpHandler(ScriptRuntime.Current.ResourceName, FunctionReference.Create(handler.Function));
        }
    }
}
