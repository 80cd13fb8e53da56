using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using CitizenFX.Core;

namespace FxServerHost
{
    /// <summary>
    /// A resource's Lua or JavaScript runtime, in one process per language. Calls nest in both directions, as on
    /// FXServer's single thread: a caller serves the other side until it gets its answer.
    /// </summary>
    internal sealed class ChildRuntime : IScriptRuntime
    {
        private sealed class Child
        {
            private readonly Stream _to, _from;
            private readonly Process _process;

            internal readonly Dictionary<int, ChildRuntime> Runtimes = new Dictionary<int, ChildRuntime>();

            internal Child(string program, string arguments)
            {
                _process = Process.Start(new ProcessStartInfo(program, arguments)
                {
                    UseShellExecute = false,
                    RedirectStandardInput = true,
                    RedirectStandardOutput = true,
                });
                _to = _process.StandardInput.BaseStream;
                _from = _process.StandardOutput.BaseStream;
            }

            internal double ProcessorMs
            {
                get
                {
                    _process.Refresh();
                    return _process.TotalProcessorTime.TotalMilliseconds;
                }
            }

            internal object Ask(params object[] message)
            {
                Send(message);
                while (true)
                {
                    var heard = (List<object>)Wire.Read(Receive());
                    if ((string)heard[0] == "answer") return heard.ElementAtOrDefault(1);
                    ChildRuntime runtime;
                    // What remains of an ended runtime, such as a function that is collected, no longer reaches anything.
                    Runtimes.TryGetValue(Convert.ToInt32(heard[1]), out runtime);
                    Send("answer", runtime == null ? null : runtime.Native((string)heard[2], heard.Skip(3).ToArray()));
                }
            }

            private void Send(params object[] message)
            {
                var bytes = Wire.Write(message);
                var frame = new byte[4 + bytes.Length];
                for (var i = 0; i < 4; i++) frame[i] = (byte)(bytes.Length >> (24 - 8 * i));
                bytes.CopyTo(frame, 4);
                _to.Write(frame, 0, frame.Length);
                _to.Flush();
            }

            private byte[] Receive()
            {
                var head = Bytes(4);
                return Bytes(head[0] << 24 | head[1] << 16 | head[2] << 8 | head[3]);
            }

            private byte[] Bytes(int count)
            {
                var bytes = new byte[count];
                for (var have = 0; have < count;)
                {
                    var read = _from.Read(bytes, have, count - have);
                    if (read <= 0) throw new EndOfStreamException("a script process ended; see what it said above");
                    have += read;
                }
                return bytes;
            }
        }

        private static readonly Dictionary<string, Child> Children = new Dictionary<string, Child>();

        private readonly Child _child;
        private readonly FxServer _server;
        private readonly string _resource;

        private ChildRuntime(Child child, FxServer server, string resource, int instance)
        {
            _child = child;
            _server = server;
            _resource = resource;
            Instance = instance;
        }

        /// <summary>Whether scripts of these kinds can run here. If not, says so.</summary>
        internal static bool CanRun(params string[] extensions)
        {
            var missing = extensions.Where(extension => string.IsNullOrEmpty(Command(extension))).ToArray();
            if (missing.Length == 0) return true;
            Console.WriteLine("NOT RUN: a test of the FiveM resource: there is no command for " + string.Join(" and ", missing) + " scripts");
            return false;
        }

        private static string Command(string extension)
        {
            return Environment.GetEnvironmentVariable(extension == ".lua" ? "SONORAN_LUA" : "SONORAN_NODE");
        }

        /// <summary>The processor time that scripts of this kind have taken so far.</summary>
        internal static double ProcessorMs(string extension)
        {
            Child child;
            return Children.TryGetValue(extension, out child) ? child.ProcessorMs : 0;
        }

        internal static ChildRuntime Create(string extension, FxServer server, string resource, int instance)
        {
            Child child;
            if (!Children.TryGetValue(extension, out child))
            {
                var command = Command(extension).Split(new[] { ' ' }, 2);
                Children[extension] = child = new Child(command[0], command[1]);
            }
            var runtime = new ChildRuntime(child, server, resource, instance);
            child.Runtimes[instance] = runtime;
            child.Ask("create", instance, resource);
            return runtime;
        }

        public int Instance { get; }

        internal void Load(string path, string shown)
        {
            _child.Ask("load", Instance, File.ReadAllText(path), shown);
        }

        public void Tick()
        {
            _child.Ask("tick", Instance);
        }

        public void TriggerEvent(string name, byte[] arguments, string source)
        {
            _child.Ask("event", Instance, name, arguments, source);
        }

        public byte[] CallReference(int reference, byte[] arguments)
        {
            return (byte[])_child.Ask("call", Instance, reference, arguments);
        }

        public bool DuplicateReference(int reference)
        {
            return true.Equals(_child.Ask("duplicate", Instance, reference));
        }

        public void RemoveReference(int reference)
        {
            _child.Ask("remove", Instance, reference);
        }

        internal void Destroy()
        {
            _child.Ask("destroy", Instance);
            _child.Runtimes.Remove(Instance);
        }

        private object Native(string name, object[] arguments)
        {
            Func<int, string> text = i => (string)arguments[i];
            switch (name)
            {
                case "RegisterResourceAsEventHandler": _server.RegisterResourceAsEventHandler(_resource, text(0)); return null;
                case "TriggerEvent": _server.TriggerEvent(text(0), (byte[])arguments[1], ""); return null;
                case "InvokeFunctionReference": return _server.InvokeReference(text(0), (byte[])arguments[1]);
                case "DuplicateFunctionReference": return _server.DuplicateReference(text(0));
                case "DeleteFunctionReference": _server.DeleteReference(text(0)); return null;
                case "GetConvar": return _server.GetConvar(text(0), text(1));
                case "GetResourceState": return _server.GetResourceState(text(0));
                case "LoadResourceFile":
                    var path = Path.Combine(_server.GetResourcePath(text(0)) ?? "", text(1));
                    return File.Exists(path) ? File.ReadAllText(path) : null;
                case "SetHttpHandler": _server.SetHttpHandler(_resource, text(0)); return null;
                case "Trace": _server.Trace(_resource, text(0)); return null;
                default: throw new MissingMethodException("The stand-in has no native " + name);
            }
        }
    }
}
