using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Sonoran.Events;
using Xunit;

namespace Sonoran.Tests
{
    public class CallTests
    {
        /// <summary>The result comes even if nobody reads the events, and earlier events are kept.</summary>
        [Fact]
        public async Task AResultComesWithoutAReader()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                for (var i = 0; i < 3; i++) Hub.Shared.Push(server, "{\"type\":\"EVENT_" + i + "\"}");
                Assert.Equal("{\"a\":[1.50,\"\u00e9\"]}", await session.InvokeAsync("echo", "[{\"a\":[1.50,\"\u00e9\"]}]").Soon());
                Hub.Shared.Push(server, "{\"type\":\"EVENT_3\"}");
                for (var i = 0; i < 4; i++) Assert.Equal("EVENT_" + i, session.Next().Type);
                Assert.Null(session.Poll());
            }
        }

        [Fact]
        public async Task ManyResultsBesideAReader()
        {
            const int calls = 100, pushes = 2000;
            int server;
            using (var session = Hub.Shared.Ready(out server))
            using (var stop = new CancellationTokenSource())
            {
                var seen = new List<string>();
                var results = new List<string>();
                session.On("*", e => seen.Add(e.Type == "EVENT_UNIT_STATUS" ? Json.Text(e["data"], "seq") : e.Json));
                var reading = session.RunAsync(stop.Token);
                var burst = Hub.Shared.PostAsync("/control/burst?serverId=" + server + "&count=" + pushes);
                for (var i = 0; i < calls; i++) results.Add(await session.InvokeAsync("echo", "[" + i + "]").Soon());
                await burst;
                session.Disconnect();
                await Ended(reading).Soon();
                Assert.Equal(Enumerable.Range(0, calls).Select(i => i.ToString()), results);
                Assert.Equal(Enumerable.Range(0, pushes).Select(i => i.ToString()), seen.Take(pushes));
                Assert.Contains("SESSION_CLOSED", seen.Last());
                Assert.Equal(pushes + 1, seen.Count);
            }
        }

        private static async Task<bool> Ended(Task task)
        {
            await task;
            return true;
        }

        /// <summary>The only reader itself awaits a call.</summary>
        [Fact]
        public async Task AHandlerOfAnEventCalls()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                Hub.Shared.Push(server, "{\"type\":\"EVENT_CALL\"}");
                Hub.Shared.Push(server, "{\"type\":\"EVENT_BEHIND\"}");
                Assert.Equal("EVENT_CALL", (await session.WaitAsync().Soon()).Type);
                Assert.Equal("1", await session.InvokeAsync("echo", "[1]").Soon());
                Assert.Equal("EVENT_BEHIND", (await session.WaitAsync().Soon()).Type);
            }
        }

        [Fact]
        public async Task WhatTheHubRefusesIsThrownInItsWords()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                var refused = await Assert.ThrowsAnyAsync<SonoranCallException>(() => session.InvokeAsync("fail", "[\"no such unit\"]").Soon());
                Assert.Contains("no such unit", refused.Message);
                Assert.Equal("error", refused.Outcome);
                Assert.Equal("fail", refused.Method);
                var wrong = await Assert.ThrowsAnyAsync<SonoranException>(() => session.InvokeAsync("echo", "{}").Soon());
                Assert.Equal(SonoranError.Json, wrong.Error);
                Assert.Null(session.Poll());
            }
        }

        [Fact]
        public async Task ACallEndsWithItsSession()
        {
            int server;
            var session = Hub.Shared.Ready(out server);
            session.Dispose();
            var late = await Assert.ThrowsAnyAsync<SonoranException>(() => session.InvokeAsync("echo", "[1]").Soon());
            Assert.True(late.Error == SonoranError.Closed || late.Error == SonoranError.NotReady || late.Error == SonoranError.Session, late.Name);
        }

        [Fact]
        public async Task ACancelledCallLeavesNothing()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
            using (var cancel = new CancellationTokenSource())
            {
                var call = session.InvokeAsync("echo", "[1]", cancel.Token);
                cancel.Cancel();
                try
                {
                    Assert.Equal("1", await call.Soon()); // the result may have been faster
                }
                catch (OperationCanceledException e)
                {
                    Assert.Equal(cancel.Token, e.CancellationToken);
                }
                Assert.Equal("2", await session.InvokeAsync("echo", "[2]").Soon());
                Assert.Null(session.Poll());
            }
        }

        [Fact]
        public void HandlersGetTheirTypes()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                var calls = new List<string>();
                session.On("event_911", e => calls.Add("one " + e.Type));
                var second = session.On("EVENT_911", e => calls.Add("two " + e.Type));
                session.On("*", e => calls.Add("every " + e.Type));
                session.On("EVENT_BAD", e => { throw new InvalidOperationException("handler"); });
                session.On("EVENT_BAD", e => calls.Add("after"));
                Push(session, server, "EVENT_911", "EVENT_BAD", "EVENT_911");
                Assert.Equal("handler", Assert.Throws<InvalidOperationException>(() => session.Drain(1000)).Message);
                Assert.Equal("one EVENT_911,two EVENT_911,every EVENT_911,after,every EVENT_BAD", string.Join(",", calls.ToArray()));
                calls.Clear();
                second.Dispose();
                Assert.Equal(1, session.Drain(1000));
                Assert.Equal("one EVENT_911,every EVENT_911", string.Join(",", calls.ToArray()));
            }
        }

        private static void Push(SonoranSession session, int server, params string[] types)
        {
            foreach (var type in types) Hub.Shared.Push(server, "{\"type\":\"" + type + "\"}");
            while (Json.Text(session.StatsJson(), "queuedEvents") != types.Length.ToString()) Thread.Sleep(1);
        }
    }
}
