using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Reflection;
using System.Threading;
using CitizenFX.Core;

namespace FxServerHost
{
    /// <summary>
    /// A stand-in for FXServer's main thread: resources that start, tick and stop, events between them, convars,
    /// and console commands. Nothing of a game is in it.
    /// </summary>
    internal sealed class FxServer : MarshalByRefObject, IScriptServer, IDisposable
    {
        internal const int TickMs = 50;
        private const int Patience = 60000;

        private readonly Dictionary<string, Resource> _resources = new Dictionary<string, Resource>();
        private readonly Dictionary<string, string> _folders = new Dictionary<string, string>();
        private readonly Dictionary<string, HashSet<string>> _handledBy = new Dictionary<string, HashSet<string>>();
        private readonly Dictionary<string, string> _commands = new Dictionary<string, string>();
        private readonly Dictionary<string, string> _httpHandlers = new Dictionary<string, string>();
        private readonly ScriptRuntime _test = new ScriptRuntime();

        internal readonly Dictionary<string, string> Convars = new Dictionary<string, string>();
        internal readonly List<string> Console = new List<string>();

        internal FxServer()
        {
            _folders["sonoran"] = Environment.GetEnvironmentVariable("SONORAN_RESOURCE");
            _test.Create(this, "test");
            // The test's own scripts, such as the listener, live in this domain.
            _test.AddScripts(Assembly.GetExecutingAssembly());
        }

        public override object InitializeLifetimeService()
        {
            return null;
        }

        /// <summary>A further resource, beside "sonoran".</summary>
        internal void AddFolder(string resource, string folder)
        {
            _folders[resource] = folder;
        }

        internal void Start(string resource)
        {
            _resources[resource] = new Resource(this, resource, _folders[resource]);
        }

        internal void Stop(string resource)
        {
            TriggerEvent("onResourceStop", MsgPack.Serialize(new object[] { resource }), "");
            var stopped = _resources[resource];
            _resources.Remove(resource);
            stopped.Destroy();
        }

        internal void Restart(string resource)
        {
            Stop(resource);
            Start(resource);
        }

        internal void Tick()
        {
            foreach (var resource in new List<Resource>(_resources.Values)) resource.Runtime.Tick();
            _test.Tick();
        }

        internal void Ticks(int count)
        {
            for (; count > 0; count--)
            {
                Tick();
                Thread.Sleep(TickMs);
            }
        }

        /// <summary>Ticks until something is so, 20 times a second.</summary>
        internal void Until(Func<bool> so, string what)
        {
            var clock = Stopwatch.StartNew();
            while (!so())
            {
                if (clock.ElapsedMilliseconds > Patience) throw new TimeoutException("waited for " + what + "; the console:\n" + string.Join("\n", Console.ToArray()));
                Ticks(1);
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

        /// <summary>Calls another resource's export, as a script does.</summary>
        internal object Export(string resource, string name, params object[] arguments)
        {
            object result = null;
            _test.As(() =>
            {
                Delegate function = null;
                BaseScript.TriggerEvent("__cfx_export_" + resource + "_" + name, new Action<object>(f => function = (Delegate)f));
                if (function == null) throw new MissingMethodException("No such export " + name + " in resource " + resource);
                result = function.DynamicInvoke(new object[] { arguments });
            });
            return result;
        }

        internal void Trigger(string source, string name, params object[] arguments)
        {
            _test.As(() => TriggerEvent(name, MsgPack.Serialize(arguments), source));
        }

        internal void Execute(string command)
        {
            InvokeReference(_commands[command], MsgPack.Serialize(new object[] { 0, new object[0], command }));
        }

        /// <summary>A request for /resource/path, as FXServer hands it to the resource.</summary>
        internal string Request(string method, string url, string body, out int status)
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
                InvokeReference(_httpHandlers[parts[1]], MsgPack.Serialize(new object[] { request, response }));
                if (withBody != null && body != null) withBody.DynamicInvoke(new object[] { new object[] { body } });
            });
            status = head;
            return sent;
        }

        public void TriggerEvent(string name, byte[] arguments, string source)
        {
            HashSet<string> handlers;
            if (!_handledBy.TryGetValue(name, out handlers)) return;
            foreach (var resource in new List<string>(handlers))
            {
                if (resource == "test") _test.TriggerEvent(name, arguments, source);
                else if (_resources.ContainsKey(resource)) _resources[resource].Runtime.TriggerEvent(name, arguments, source);
            }
        }

        public void RegisterResourceAsEventHandler(string resource, string eventName)
        {
            HashSet<string> handlers;
            if (!_handledBy.TryGetValue(eventName, out handlers)) _handledBy[eventName] = handlers = new HashSet<string>();
            handlers.Add(resource);
        }

        public byte[] InvokeReference(string reference, byte[] arguments)
        {
            var parts = reference.Split(':');
            var runtime = parts[0] == "test" ? _test : _resources[parts[0]].Runtime;
            return runtime.CallReference(int.Parse(parts[1]), arguments);
        }

        public string GetConvar(string name, string otherwise)
        {
            string value;
            return Convars.TryGetValue(name, out value) ? value : otherwise;
        }

        public string GetResourcePath(string resource)
        {
            return _folders[resource];
        }

        public void RegisterCommand(string name, string reference, bool restricted)
        {
            _commands[name] = reference;
        }

        public void SetHttpHandler(string resource, string reference)
        {
            _httpHandlers[resource] = reference;
        }

        public void Trace(string resource, string line)
        {
            Console.Add(line);
        }

        public void Dispose()
        {
            foreach (var resource in new List<string>(_resources.Keys)) Stop(resource);
        }
    }

    /// <summary>A resource that listens to what sonoran emits.</summary>
    public sealed class Listener : BaseScript
    {
        internal sealed class Heard
        {
            internal string Type, Json;
            internal int Server;
        }

        internal static readonly List<Heard> Events = new List<Heard>();
        internal static readonly List<string> Named = new List<string>();
        internal static readonly List<string> Shim = new List<string>();
        internal static Action<Heard> OnEvent;

        public Listener()
        {
            EventHandlers["sonoran:event"] += new Action<string, string, int>((type, json, server) =>
            {
                var heard = new Heard { Type = type, Json = json, Server = server };
                if (OnEvent != null) OnEvent(heard);
                else Events.Add(heard);
            });
            EventHandlers["sonoran:EVENT_911"] += new Action<string, int>((json, server) => Named.Add(server + " " + json));
            EventHandlers["SonoranCAD::pushevents:shim"] += new Action<string>(Shim.Add);
        }

        internal static void Forget()
        {
            Events.Clear();
            Named.Clear();
            Shim.Clear();
            OnEvent = null;
        }
    }
}
