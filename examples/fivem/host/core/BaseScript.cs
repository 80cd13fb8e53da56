using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Threading.Tasks;
using CitizenFX.Core.Native;

namespace CitizenFX.Core
{
    public abstract class BaseScript
    {
        private readonly List<Func<Task>> _ticks = new List<Func<Task>>();
        private readonly ConcurrentDictionary<Func<Task>, Task> _running = new ConcurrentDictionary<Func<Task>, Task>();

        protected BaseScript()
        {
            EventHandlers = new EventHandlerDictionary();
            Exports = new ExportDictionary();
        }

        protected internal EventHandlerDictionary EventHandlers { get; private set; }

        protected ExportDictionary Exports { get; private set; }

        /// <summary>Called on every tick, but not again before its task is done.</summary>
        protected event Func<Task> Tick
        {
            add { _ticks.Add(value); }
            remove { _ticks.Remove(value); }
        }

        public static Task Delay(int msecs)
        {
            var done = new TaskCompletionSource<object>();
            ScriptRuntime.Current.Delay(msecs, () => done.SetResult(null));
            return done.Task;
        }

        public static void TriggerEvent(string eventName, params object[] args)
        {
            var server = ScriptRuntime.Current.Server;
            var arguments = Wire.Write(args);
            ScriptRuntime.Leaving<object>(() =>
            {
                server.TriggerEvent(eventName, arguments, "");
                return null;
            });
        }

        /// <summary>A task each, and one more that records its end: on a pool thread, as in the runtime.</summary>
        internal void ScheduleTicks()
        {
            foreach (var tick in _ticks)
            {
                if (_running.ContainsKey(tick)) continue;
                using (new ProfilerScope(() => tick.Method.Name))
                    _running.TryAdd(tick, ScriptRuntime.Current.Factory.StartNew(() =>
                    {
                        using (new ProfilerScope(() => tick.Method.Name)) return tick();
                    }).Unwrap().ContinueWith(done =>
                    {
                        if (done.IsFaulted) Debug.WriteLine("Failed to run a tick for " + GetType().Name + ": " + done.Exception);
                        Task ended;
                        _running.TryRemove(tick, out ended);
                    }));
            }
        }

        internal bool Settled
        {
            get { return _running.IsEmpty; }
        }
    }

    public class EventHandlerDictionary : Dictionary<string, EventHandlerEntry>
    {
        /// <summary>Names are case-insensitive.</summary>
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

        internal async Task Invoke(string eventName, string source, object[] arguments)
        {
            EventHandlerEntry entry;
            if (TryGetValue(eventName.ToLower(), out entry)) await entry.Invoke(source, arguments);
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

        /// <summary>A handler that throws is reported on the console and never called again.</summary>
        internal async Task Invoke(string source, object[] arguments)
        {
            foreach (var handler in _handlers.ToArray())
            {
                try
                {
                    var task = handler.DynamicInvoke(CallUtilities.Pass(handler.Method, arguments, source)) as Task;
                    if (task != null) await task;
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
    }

    public static class Debug
    {
        public static void WriteLine(string data)
        {
            ScriptRuntime.Current.Server.Trace(ScriptRuntime.Current.ResourceName, data);
        }
    }
}
