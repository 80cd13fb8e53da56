// The members of CitizenFX.Core that the bridge uses, with the names and types of FXServer's own assembly but without
// code: for compiling without a game server. It is never run and never shipped.
//
// If the compiler misses a member, copy its declaration from clrcore (citizenfx/fivem, code/client/clrcore; natives
// from the package CitizenFX.Core.Server) into its class here, with `throw null` for a body. The signature must be
// identical, including optional parameters and `sealed`: at run time the server looks members up by it.
using System;
using System.Collections.Generic;
using System.Threading.Tasks;

[assembly: System.Reflection.AssemblyVersion("1.0.0.0")]

namespace CitizenFX.Core
{
    public abstract class BaseScript
    {
        protected BaseScript() { throw null; }
        protected internal EventHandlerDictionary EventHandlers { get { throw null; } }
        protected ExportDictionary Exports { get { throw null; } }
        protected event Func<Task> Tick { add { throw null; } remove { throw null; } }
        public static Task Delay(int msecs) { throw null; }
        public static void TriggerEvent(string eventName, params object[] args) { throw null; }
    }

    public class EventHandlerDictionary : Dictionary<string, EventHandlerEntry>
    {
        public new EventHandlerEntry this[string key] { get { throw null; } set { throw null; } }
    }

    public class EventHandlerEntry
    {
        public static EventHandlerEntry operator +(EventHandlerEntry entry, Delegate deleg) { throw null; }
        public static EventHandlerEntry operator -(EventHandlerEntry entry, Delegate deleg) { throw null; }
    }

    public class ExportDictionary
    {
        public dynamic this[string resourceName] { get { throw null; } }
        public void Add(string name, Delegate method) { throw null; }
    }

    public delegate object CallbackDelegate(params object[] args);

    [AttributeUsage(AttributeTargets.Parameter, Inherited = false, AllowMultiple = false)]
    public sealed class FromSourceAttribute : Attribute { }

    public static class Debug
    {
        public static void WriteLine(string data) { throw null; }
        public static void WriteLine(string format, params object[] args) { throw null; }
    }

    public struct Vector2
    {
        public float X;
        public float Y;
    }

    public struct Vector3
    {
        public float X;
        public float Y;
        public float Z;
    }

    public struct Vector4
    {
        public float X;
        public float Y;
        public float Z;
        public float W;
    }

    public struct Quaternion
    {
        public float X;
        public float Y;
        public float Z;
        public float W;
    }
}

namespace CitizenFX.Core.Native
{
    public class InputArgument
    {
        public static implicit operator InputArgument(Delegate value) { throw null; }
    }

    public static class API
    {
        public static string GetConvar(string varName, string default_) { throw null; }
        public static string GetCurrentResourceName() { throw null; }
        public static string GetResourcePath(string resourceName) { throw null; }
        public static string GetResourceState(string resourceName) { throw null; }
        public static void RegisterCommand(string commandName, InputArgument handler, bool restricted) { throw null; }
        public static void SetHttpHandler(InputArgument handler) { throw null; }
    }
}
