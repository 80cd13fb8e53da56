// A stand-in for CitizenFX.Core: the part of its API that our server scripts use, with clrcore's behaviour at
// citizenfx/fivem 06d4d348, even where that hurts. ../README.md says what is the same and what is left out.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Threading;
using System.Threading.Tasks;

namespace CitizenFX.Core
{
    /// <summary>What a runtime can ask of the server. On Mono every call crosses AppDomains, as FXServer's natives do.</summary>
    public interface IScriptServer
    {
        void RegisterResourceAsEventHandler(string resource, string eventName);
        void TriggerEvent(string name, byte[] arguments, string source);
        byte[] InvokeReference(string reference, byte[] arguments);
        string DuplicateReference(string reference);
        void DeleteReference(string reference);
        string GetConvar(string name, string otherwise);
        string GetResourcePath(string resource);
        string GetResourceState(string resource);
        void RegisterCommand(string name, string reference, bool restricted);
        void SetHttpHandler(string resource, string reference);
        bool ProfilerIsRecording();
        void SubmitBoundary(byte[] boundary);
        void Trace(string resource, string line);
    }

    /// <summary>One runtime of a started resource: C#, Lua or JavaScript.</summary>
    public interface IScriptRuntime
    {
        int Instance { get; }
        void Tick();
        void TriggerEvent(string name, byte[] arguments, string source);
        byte[] CallReference(int reference, byte[] arguments);
        bool DuplicateReference(int reference);
        void RemoveReference(int reference);
    }

    /// <summary>One resource's C# scripts. On Mono they have a separate AppDomain.</summary>
    public sealed class ScriptRuntime : MarshalByRefObject, IScriptRuntime
    {
        /// <summary>The size of FXServer's stack boundaries on Linux.</summary>
        private const int BoundarySize = 280;

        internal readonly FunctionTable Functions = new FunctionTable();
        internal readonly Dictionary<string, Delegate> Exports = new Dictionary<string, Delegate>();
        internal readonly MainThreadScheduler Scheduler = new MainThreadScheduler();
        internal readonly TaskFactory Factory;
        private readonly List<BaseScript> _scripts = new List<BaseScript>();
        private readonly List<KeyValuePair<DateTime, Action>> _delays = new List<KeyValuePair<DateTime, Action>>();

        public ScriptRuntime()
        {
            Factory = new TaskFactory(Scheduler);
        }

        internal static ScriptRuntime Current { get; private set; }

        internal IScriptServer Server { get; private set; }

        internal string ResourceName { get; private set; }

        public int Instance { get; private set; }

        public override object InitializeLifetimeService()
        {
            return null;
        }

        /// <param name="ownScheduler">True below manifest version bodacious: tasks that name no scheduler run on the main thread.</param>
        public void Create(IScriptServer server, string resourceName, int instance, bool ownScheduler)
        {
            Server = server;
            ResourceName = resourceName;
            Instance = instance;
            if (ownScheduler) Scheduler.MakeDefault(Factory);
        }

        /// <summary>Loads from bytes, as FXServer does, so that the assembly has no file.</summary>
        public void LoadAssembly(byte[] assembly)
        {
            AddScripts(Assembly.Load(assembly));
        }

        public void AddScripts(Assembly assembly)
        {
            As(() =>
            {
                foreach (var type in assembly.GetTypes().Where(t => !t.IsAbstract && t.IsSubclassOf(typeof(BaseScript)) && t.GetConstructor(Type.EmptyTypes) != null))
                {
                    try
                    {
                        _scripts.Add((BaseScript)Activator.CreateInstance(type));
                    }
                    catch (Exception e)
                    {
                        Debug.WriteLine("Failed to instantiate instance of script " + type.FullName + ": " + e);
                    }
                }
            });
        }

        public void Tick()
        {
            As(() =>
            {
                Profiling = Server.ProfilerIsRecording();
                Bounded("tick", () =>
                {
                    using (new ProfilerScope(() => "cleanup")) { }
                    using (new ProfilerScope(() => "delays")) RunDelays();
                    using (new ProfilerScope(() => "schedule"))
                        WithoutFlow(() =>
                        {
                            foreach (var script in _scripts.ToArray()) script.ScheduleTicks();
                        });
                    using (new ProfilerScope(() => "tasks")) Scheduler.Run();
                    using (new ProfilerScope(() => "contexts")) WithoutFlow(() => { });
                });
            });
        }

        public void TriggerEvent(string name, byte[] arguments, string source)
        {
            As(() => Bounded("event (" + name + ")", () =>
            {
                var passed = (Wire.Read(arguments, source.StartsWith("net", StringComparison.Ordinal) ? source : null) as List<object> ?? new List<object>()).ToArray();
                foreach (var script in _scripts.ToArray())
                    Task.Factory.StartNew(() => script.EventHandlers.Invoke(name, source, passed), CancellationToken.None, TaskCreationOptions.None, Scheduler)
                        .Unwrap().ContinueWith(done =>
                        {
                            if (done.IsFaulted) Debug.WriteLine("Error invoking event handlers for " + name + ": " + done.Exception);
                        });
                Delegate function;
                if (Exports.TryGetValue(name, out function)) ((Delegate)passed[0]).DynamicInvoke(new object[] { new object[] { function } });
                Scheduler.Run();
            }));
        }

        public byte[] CallReference(int reference, byte[] arguments)
        {
            byte[] result = null;
            As(() => Bounded("reference call", () => result = Functions.Invoke(reference, arguments)));
            return result;
        }

        public bool DuplicateReference(int reference)
        {
            return Functions.Duplicate(reference);
        }

        public void RemoveReference(int reference)
        {
            Functions.Remove(reference);
        }

        internal bool Profiling { get; private set; }

        /// <summary>Whether the next tick will call all handlers.</summary>
        public bool Settled
        {
            get { return _scripts.TrueForAll(script => script.Settled); }
        }

        /// <summary>How many functions of this runtime others could call.</summary>
        public int FunctionCount
        {
            get { return Functions.Count; }
        }

        internal void Delay(int milliseconds, Action then)
        {
            lock (_delays) _delays.Add(new KeyValuePair<DateTime, Action>(DateTime.UtcNow.AddMilliseconds(milliseconds), then));
        }

        private void RunDelays()
        {
            var now = DateTime.UtcNow;
            lock (_delays)
            {
                foreach (var due in _delays.Where(d => now >= d.Key).ToArray())
                {
                    _delays.Remove(due);
                    due.Value();
                }
            }
        }

        /// <summary>Sets a stack boundary, which takes two calls to the server. An exception becomes a line on the console.</summary>
        private void Bounded(string where, Action run)
        {
            Server.SubmitBoundary(new byte[BoundarySize]);
            try
            {
                run();
            }
            catch (Exception e)
            {
                var cause = e is TargetInvocationException && e.InnerException != null ? e.InnerException : e;
                Debug.WriteLine("^1SCRIPT ERROR in " + where + ": " + cause.GetType().FullName + ": " + cause.Message + "^7");
                Debug.WriteLine(cause.StackTrace ?? "");
            }
            finally
            {
                Server.SubmitBoundary(null);
            }
        }

        /// <summary>Makes a call that leaves this runtime for another one.</summary>
        internal static T Leaving<T>(Func<T> call)
        {
            var server = Current.Server;
            server.SubmitBoundary(new byte[BoundarySize]);
            try
            {
                return call();
            }
            finally
            {
                server.SubmitBoundary(null);
            }
        }

        internal static void WithoutFlow(Action run)
        {
            var flow = ExecutionContext.IsFlowSuppressed() ? (AsyncFlowControl?)null : ExecutionContext.SuppressFlow();
            run();
            if (flow != null) flow.Value.Undo();
        }

        /// <summary>Runs code as this resource. Resources may call each other in its middle.</summary>
        internal void As(Action run)
        {
            var before = Current;
            Current = this;
            try
            {
                run();
            }
            finally
            {
                Current = before;
            }
        }
    }

    /// <summary>A profiler's scope costs a closure even when nobody records.</summary>
    internal struct ProfilerScope : IDisposable
    {
        internal ProfilerScope(Func<string> name)
        {
            if (ScriptRuntime.Current.Profiling) name();
        }

        public void Dispose() { }
    }
}
