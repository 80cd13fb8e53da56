#if NET8_0_OR_GREATER
using System;
using System.Collections.Generic;
using System.Linq;
using Microsoft.Extensions.Logging;
using Sonoran.Events;
using Xunit;

namespace Sonoran.Tests
{
    public class LoggerTests
    {
        [Fact]
        public void WhatTheSessionSaysIsLogged()
        {
            var server = Hub.NewServer();
            var options = Hub.Shared.Options(server);
            options.Log = "debug";
            var log = new Lines();
            using (var session = Native.Library.Connect(options))
            {
                session.Logger = log;
                session.Until("SESSION_READY");
                Hub.Shared.Push(server, "{\"key\":\"" + Hub.ApiKey + "\",\"type\":\"EVENT_911\"}");
                session.Until("EVENT_911");
                Hub.Shared.Post("/control/abort?serverId=" + server);
                session.Until("SESSION_LOST");
                log.Throws = true;
                session.Until("SESSION_READY");
            }
            Assert.Contains(log, line => line.StartsWith("Information: Authenticated as community demo", StringComparison.Ordinal));
            Assert.Contains(log, line => line.StartsWith("Warning: ", StringComparison.Ordinal) && line.Contains("(SESSION_LOST "));
            Assert.Contains(log, line => line.Contains("(SESSION_LOG "));
            Assert.DoesNotContain(log, line => line.Contains(Hub.ApiKey) || line.Contains("EVENT_911"));
        }

        private sealed class Lines : List<string>, ILogger
        {
            internal bool Throws;

            public IDisposable BeginScope<T>(T state) { return null; }
            public bool IsEnabled(LogLevel level) { return true; }

            public void Log<T>(LogLevel level, EventId id, T state, Exception exception, Func<T, Exception, string> format)
            {
                if (Throws) throw new InvalidOperationException("the logger is broken");
                Add(level + ": " + format(state, exception));
            }
        }
    }
}
#endif
