using System;

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

        public static string GetResourceState(string resourceName)
        {
            return ScriptRuntime.Current.Server.GetResourceState(resourceName);
        }

        public static void RegisterResourceAsEventHandler(string eventName)
        {
            ScriptRuntime.Current.Server.RegisterResourceAsEventHandler(ScriptRuntime.Current.ResourceName, eventName);
        }

        public static void RegisterCommand(string commandName, InputArgument handler, bool restricted)
        {
            ScriptRuntime.Current.Server.RegisterCommand(commandName, ScriptRuntime.Current.Functions.Create(handler.Function), restricted);
        }

        public static void SetHttpHandler(InputArgument handler)
        {
            ScriptRuntime.Current.Server.SetHttpHandler(ScriptRuntime.Current.ResourceName, ScriptRuntime.Current.Functions.Create(handler.Function));
        }
    }
}
