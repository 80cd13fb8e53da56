// A stand-in for CitizenFX.Core: the part of its API that the sonoran resource uses, with the behaviour that
// clrcore has at citizenfx/fivem 06d4d348. Assemblies are loaded from bytes, arguments travel as MessagePack,
// only registered names are delivered, a handler that throws is removed, a tick is not called again before its task is done, and functions of one
// resource reach another as references. Natives, players, state bags, the task scheduler and the client
// side are left out.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;

namespace CitizenFX.Core
{
    /// <summary>What a resource can ask of the server.</summary>
    public interface IScriptServer
    {
        void RegisterResourceAsEventHandler(string resource, string eventName);
        void TriggerEvent(string name, byte[] arguments, string source);
        byte[] InvokeReference(string reference, byte[] arguments);
        string GetConvar(string name, string otherwise);
        string GetResourcePath(string resource);
        void RegisterCommand(string name, string reference, bool restricted);
        void SetHttpHandler(string resource, string reference);
        void Trace(string resource, string line);
    }

    /// <summary>One resource's scripts. On Mono it lives in an AppDomain of its own.</summary>
    public sealed class ScriptRuntime : MarshalByRefObject
    {
        internal readonly List<Delegate> Functions = new List<Delegate>();
        internal readonly Dictionary<string, Delegate> Exports = new Dictionary<string, Delegate>();
        private readonly List<BaseScript> _scripts = new List<BaseScript>();

        internal static ScriptRuntime Current { get; private set; }

        internal IScriptServer Server { get; private set; }

        internal string ResourceName { get; private set; }

        public override object InitializeLifetimeService()
        {
            return null;
        }

        public void Create(IScriptServer server, string resourceName)
        {
            Server = server;
            ResourceName = resourceName;
        }

        /// <summary>As FXServer does it: from bytes, so that the assembly has no place on the disk.</summary>
        public void LoadAssembly(byte[] assembly)
        {
            AddScripts(Assembly.Load(assembly));
        }

        public void AddScripts(Assembly assembly)
        {
            As(() =>
            {
                foreach (var type in assembly.GetTypes().Where(t => !t.IsAbstract && t.IsSubclassOf(typeof(BaseScript)) && t.GetConstructor(Type.EmptyTypes) != null))
                    _scripts.Add((BaseScript)Activator.CreateInstance(type));
            });
        }

        public void Tick()
        {
            As(() =>
            {
                foreach (var script in _scripts) script.RunTicks();
            });
        }

        public void TriggerEvent(string name, byte[] arguments, string source)
        {
            As(() =>
            {
                var passed = ((List<object>)MsgPack.Deserialize(arguments, source == "" ? null : source)).ToArray();
                foreach (var script in _scripts) script.EventHandlers.Invoke(name, source, passed);
                ExportDictionary.Invoke(name, passed);
            });
        }

        public byte[] CallReference(int number, byte[] arguments)
        {
            byte[] result = null;
            As(() => result = FunctionReference.Invoke(number, arguments));
            return result;
        }

        /// <summary>Runs something as this resource: one may call another in the middle of it.</summary>
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
}
