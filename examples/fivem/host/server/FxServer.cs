using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Threading;
using CitizenFX.Core;

namespace FxServerHost
{
    /// <summary>
    /// A stand-in for FXServer's main thread: resources that start, tick, stop and crash, events and functions
    /// between them, convars, and console commands. It contains no game.
    /// </summary>
    internal sealed class FxServer : MarshalByRefObject, IScriptServer, IDisposable
    {
        internal const int TickMs = 50;
        private const int Patience = 120000;
        private const string Test = "test";

        private readonly Dictionary<string, Resource> _resources = new Dictionary<string, Resource>();
        private readonly Dictionary<string, string> _folders = new Dictionary<string, string>();
        private readonly Dictionary<string, List<string>> _handledBy = new Dictionary<string, List<string>>();
        private readonly Dictionary<string, string> _commands = new Dictionary<string, string>();
        private readonly Dictionary<string, string> _httpHandlers = new Dictionary<string, string>();
        private readonly Dictionary<string, Dictionary<string, CallbackDelegate>> _exports = new Dictionary<string, Dictionary<string, CallbackDelegate>>();
        private readonly Queue<Action> _queuedEvents = new Queue<Action>();
        private readonly Queue<string> _deletedReferences = new Queue<string>();
        private readonly Thread _main = Thread.CurrentThread;
        private readonly ScriptRuntime _test = new ScriptRuntime();
        // Shared by all servers: the Lua and Node processes outlive each server, and release its functions late.
        private static int _instances;

        internal readonly Dictionary<string, string> Convars = new Dictionary<string, string>();
        internal readonly List<string> Console = new List<string>();

        internal FxServer()
        {
#if !NETCOREAPP
            // NUnit's context would go along, serialized, with every call between AppDomains and cost more than the call.
            System.Runtime.Remoting.Messaging.CallContext.FreeNamedDataSlot("NUnit.Framework.TestContext");
#endif
            _folders["sonoran"] = Folder("sonoran");
            _test.Create(this, Test, NewInstance(), false);
            // The test's own scripts, such as the listener, live in this domain.
            _test.AddScripts(Assembly.GetExecutingAssembly());
        }

        public override object InitializeLifetimeService()
        {
            return null;
        }

        internal int NewInstance()
        {
            return 1000 + Interlocked.Increment(ref _instances);
        }

        /// <summary>A fifth of `many`, or all of it if SONORAN_ROUNDS is "all".</summary>
        internal static int Rounds(int many)
        {
            return Environment.GetEnvironmentVariable("SONORAN_ROUNDS") == "all" ? many : many / 5;
        }

        /// <summary>The folder of one of the test's resources.</summary>
        internal static string Folder(string resource)
        {
            return Path.Combine(Environment.GetEnvironmentVariable("SONORAN_RESOURCES"), resource);
        }

        /// <summary>Adds a resource beside "sonoran".</summary>
        internal void AddFolder(string resource, string folder)
        {
            _folders[resource] = folder;
        }

        internal void Start(string resource)
        {
            Publish("onResourceStarting", resource);
            var started = new Resource(this, resource, _folders[resource]);
            _resources[resource] = started;
            started.Run();
            started.State = "started";
            Publish("onResourceStart", resource);
            _queuedEvents.Enqueue(() => Publish("onServerResourceStart", resource));
        }

        /// <summary>Others, and their export caches, hear of it on the next tick. In a restart, that is after the new start.</summary>
        internal void Stop(string resource)
        {
            _resources[resource].State = "stopping";
            Publish("onResourceStop", resource);
            Destroy(resource);
            _queuedEvents.Enqueue(() => Publish("onServerResourceStop", resource));
        }

        internal void Restart(string resource)
        {
            Stop(resource);
            Start(resource);
        }

        /// <summary>Ends the resource without telling its own scripts or others.</summary>
        internal void Crash(string resource)
        {
            Destroy(resource);
        }

        private void Destroy(string resource)
        {
            var stopped = _resources[resource];
            _resources.Remove(resource);
            foreach (var handlers in _handledBy.Values) handlers.Remove(resource);
            _httpHandlers.Remove(resource);
            stopped.Destroy();
        }

        private void Publish(string name, string resource)
        {
            if (name == "onServerResourceStop") _exports.Remove(resource);
            TriggerEvent(name, Wire.Write(new object[] { resource }), "");
        }

        internal void Tick()
        {
            lock (_deletedReferences)
                while (_deletedReferences.Count > 0) Delete(_deletedReferences.Dequeue());
            while (_queuedEvents.Count > 0) _queuedEvents.Dequeue()();
            foreach (var resource in _resources.Values.ToArray()) resource.Tick();
            _test.Tick();
        }

        internal void TickAlone(string resource)
        {
            _resources[resource].Tick();
        }

        /// <summary>The C# runtime records a tick's end on another thread, and skips ticks until then.</summary>
        internal void UntilSettled(string resource)
        {
            while (_resources[resource].Runtimes.OfType<ScriptRuntime>().Any(runtime => !runtime.Settled)) Thread.Yield();
        }

        internal void Ticks(int count)
        {
            for (; count > 0; count--)
            {
                Tick();
                Thread.Sleep(TickMs);
            }
        }

        /// <summary>Ticks until a condition holds.</summary>
        internal void Until(Func<bool> so, string what, int tickMs = TickMs)
        {
            var clock = Stopwatch.StartNew();
            while (!so())
            {
                if (clock.ElapsedMilliseconds > Patience) throw new TimeoutException("waited for " + what + "; the console:\n" + string.Join("\n", Console.ToArray()));
                Tick();
                Thread.Sleep(tickMs);
            }
        }

        internal void UntilTold(string part)
        {
            Until(() => Told(part), "\"" + part + "\"");
        }

        internal bool Told(string part)
        {
            return Console.Exists(line => line.Contains(part));
        }

        internal int Told(Func<string, bool> which)
        {
            return Console.Count(which);
        }

        /// <summary>Calls another resource's export as a script does, which keeps the function until that resource stops.</summary>
        internal object Export(string resource, string name, params object[] arguments)
        {
            object result = null;
            _test.As(() =>
            {
                Dictionary<string, CallbackDelegate> kept;
                if (!_exports.TryGetValue(resource, out kept)) _exports[resource] = kept = new Dictionary<string, CallbackDelegate>();
                CallbackDelegate function;
                if (!kept.TryGetValue(name, out function))
                {
                    BaseScript.TriggerEvent("__cfx_export_" + resource + "_" + name, new Action<object>(f => kept[name] = (CallbackDelegate)f));
                    if (!kept.TryGetValue(name, out function)) throw new MissingMethodException("No such export " + name + " in resource " + resource);
                }
                result = function(arguments);
            });
            return result;
        }

        internal void Trigger(string source, string name, params object[] arguments)
        {
            byte[] sent = null;
            _test.As(() => sent = Wire.Write(arguments));
            TriggerEvent(name, sent, source);
        }

        internal void Execute(string command)
        {
            _test.As(() => InvokeReference(_commands[command], Wire.Write(new object[] { 0, new object[0], command })));
        }

        /// <summary>Makes a request for /resource/path, as FXServer hands it to the resource.</summary>
        internal string Request(string method, string url, object body, out int status)
        {
            var parts = url.Split(new[] { '/' }, 3);
            string sent = null;
            var head = 200;
            _test.As(() =>
            {
                Delegate withBody = null;
                var request = new Dictionary<string, object>
                {
                    { "address", "127.0.0.1:1" }, { "method", method }, { "path", "/" + (parts.Length > 2 ? parts[2] : "") },
                    { "headers", new Dictionary<string, object>() },
                    { "setDataHandler", new Action<object>(handler => withBody = (Delegate)handler) },
                    { "setCancelHandler", new Action<object>(handler => { }) },
                };
                var response = new Dictionary<string, object>
                {
                    { "writeHead", new Action<int>(code => head = code) },
                    { "write", new Action<string>(text => sent += text) },
                    { "send", new Action<string>(text => sent += text) },
                };
                InvokeReference(_httpHandlers[parts[1]], Wire.Write(new object[] { request, response }));
                if (withBody != null && body != null) withBody.DynamicInvoke(new object[] { new[] { body } });
            });
            status = head;
            return sent;
        }

        /// <summary>How many functions of a resource's C# runtime others could call.</summary>
        internal int FunctionCount(string resource)
        {
            return _resources[resource].Runtimes.OfType<ScriptRuntime>().Sum(r => r.FunctionCount);
        }

        public void TriggerEvent(string name, byte[] arguments, string source)
        {
            List<string> handlers;
            if (!_handledBy.TryGetValue(name, out handlers)) return;
            foreach (var resource in handlers.ToArray())
            {
                Resource started;
                if (resource == Test) _test.TriggerEvent(name, arguments, source);
                else if (_resources.TryGetValue(resource, out started))
                    foreach (var runtime in started.Runtimes.ToArray()) runtime.TriggerEvent(name, arguments, source);
            }
        }

        public void RegisterResourceAsEventHandler(string resource, string eventName)
        {
            List<string> handlers;
            if (!_handledBy.TryGetValue(eventName, out handlers)) _handledBy[eventName] = handlers = new List<string>();
            if (!handlers.Contains(resource)) handlers.Add(resource);
        }

        /// <summary>The runtime and the number that "resource:instance:number" names; false when that instance is gone.</summary>
        private bool LookUp(string reference, out IScriptRuntime runtime, out int number)
        {
            var parts = reference.Split(':');
            var instance = int.Parse(parts[1]);
            number = int.Parse(parts[2]);
            Resource resource;
            if (parts[0] == Test) runtime = _test.Instance == instance ? _test : null;
            else runtime = _resources.TryGetValue(parts[0], out resource) ? resource.Runtimes.FirstOrDefault(r => r.Instance == instance) : null;
            return runtime != null;
        }

        public byte[] InvokeReference(string reference, byte[] arguments)
        {
            IScriptRuntime runtime;
            int number;
            return LookUp(reference, out runtime, out number) ? runtime.CallReference(number, arguments) : null;
        }

        public string DuplicateReference(string reference)
        {
            IScriptRuntime runtime;
            int number;
            return LookUp(reference, out runtime, out number) && runtime.DuplicateReference(number) ? reference : null;
        }

        public void DeleteReference(string reference)
        {
            if (Thread.CurrentThread == _main) Delete(reference);
            else lock (_deletedReferences) _deletedReferences.Enqueue(reference);
        }

        private void Delete(string reference)
        {
            IScriptRuntime runtime;
            int number;
            if (LookUp(reference, out runtime, out number)) runtime.RemoveReference(number);
        }

        public string GetConvar(string name, string otherwise)
        {
            string value;
            return Convars.TryGetValue(name, out value) ? value : otherwise;
        }

        public string GetResourcePath(string resource)
        {
            string folder;
            return _folders.TryGetValue(resource, out folder) ? folder : null;
        }

        public string GetResourceState(string resource)
        {
            Resource started;
            if (_resources.TryGetValue(resource, out started)) return started.State;
            return _folders.ContainsKey(resource) ? "stopped" : "missing";
        }

        public void RegisterCommand(string name, string reference, bool restricted)
        {
            _commands[name] = reference;
        }

        public void SetHttpHandler(string resource, string reference)
        {
            _httpHandlers[resource] = reference;
        }

        public bool ProfilerIsRecording()
        {
            return false;
        }

        public void SubmitBoundary(byte[] boundary) { }

        public void Trace(string resource, string line)
        {
            Console.Add("[script:" + resource + "] " + line);
        }

        public void Dispose()
        {
            foreach (var resource in _resources.Keys.ToArray()) Stop(resource);
        }
    }
}
