#if SONORAN_LOGGER
using System;
using Microsoft.Extensions.Logging;

namespace Sonoran.Events
{
    public sealed partial class SonoranSession
    {
        /// <summary>
        /// Logs the session's own events as they are taken: their `message`, which never holds the API key, and, with
        /// the option `log`, the lines of its log. Pushes are not logged.
        /// </summary>
        public ILogger Logger { get; set; }

        private void Log(SonoranEvent next)
        {
            var logger = Logger;
            if (logger == null || !next.Type.StartsWith("SESSION_", StringComparison.Ordinal)) return;
            var message = next["message"];
            if (message == null) return;
            try
            {
                logger.Log(Level(next), "{Message} ({Type} {Code})", message, next.Type, next["code"]);
            }
            catch (Exception)
            {
                // A failing logger must not cost the event.
            }
        }

        private static LogLevel Level(SonoranEvent next)
        {
            switch (next.Type)
            {
                case "SESSION_READY":
                case "SESSION_CLOSED":
                    return LogLevel.Information;
                case "SESSION_REJECTED":
                    return LogLevel.Error;
                case "SESSION_CALL_RESULT":
                    return LogLevel.Debug;
                case "SESSION_LOG":
                    switch (next["level"])
                    {
                        case "error": return LogLevel.Error;
                        case "warn": return LogLevel.Warning;
                        case "info": return LogLevel.Information;
                        default: return LogLevel.Debug;
                    }
                default:
                    return LogLevel.Warning;
            }
        }
    }
}
#endif
