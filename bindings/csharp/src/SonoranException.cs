using System;

namespace Sonoran.Events
{
    /// <summary>A call failed. The message is one sentence that names the cause and what to do.</summary>
    public sealed class SonoranException : Exception
    {
        internal SonoranException(int code, string name, string message) : base(message)
        {
            Code = code;
            Name = name;
        }

        internal SonoranException(string message, Exception cause = null) : base(message, cause)
        {
            Name = "SONORAN_E_LOAD";
        }

        /// <summary>The library's error code (SONORAN_E_ in sonoran.h), or 0: the native library could not be loaded.</summary>
        public int Code { get; }

        /// <summary>The code's name, such as SONORAN_E_OPTION.</summary>
        public string Name { get; }
    }
}
