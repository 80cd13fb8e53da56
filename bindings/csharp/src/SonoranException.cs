using System;

namespace Sonoran.Events
{
    /// <summary>A call failed. The message is one sentence that names the cause and what to do.</summary>
    public class SonoranException : Exception
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

        /// <summary>The kind of error: `catch (SonoranException e) when (e.Error == SonoranError.NotReady)`.</summary>
        public SonoranError Error
        {
            get { return (SonoranError)Code; }
        }

        /// <summary>The same as a number, a SONORAN_E_ code of sonoran.h.</summary>
        public int Code { get; }

        /// <summary>The code's name in sonoran.h, such as SONORAN_E_OPTION.</summary>
        public string Name { get; }
    }

    /// <summary>A hub call failed. The message is what the hub said, or why there is no answer.</summary>
    public sealed class SonoranCallException : SonoranException
    {
        internal SonoranCallException(string method, string outcome, string message) : base(message)
        {
            Method = method;
            Outcome = outcome;
        }

        /// <summary>The method that was called.</summary>
        public string Method { get; }

        /// <summary>
        /// "error": the hub refused it. "timeout": the hub did not answer within callTimeoutMs. "lost": the link or the
        /// session ended first; the hub may have executed the call.
        /// </summary>
        public string Outcome { get; }
    }
}
