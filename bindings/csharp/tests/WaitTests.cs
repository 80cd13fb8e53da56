using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Sonoran.Events;
using Xunit;

namespace Sonoran.Tests
{
    public class WaitTests
    {
        [Fact]
        public void WaitEndsWhenItsTimeIsUp()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                var clock = Stopwatch.StartNew();
                Assert.Null(session.Wait(50));
                Assert.True(clock.ElapsedMilliseconds >= 49, clock.ElapsedMilliseconds + " ms");
                Assert.Null(session.Wait(0));
            }
        }

        /// <summary>One native wait serves all sessions.</summary>
        [Fact]
        public async Task AnySessionsEventComesAtOnce()
        {
            const int count = 20;
            var sessions = new List<SonoranSession>();
            var servers = new List<int>();
            try
            {
                for (var i = 0; i < count; i++)
                {
                    int server;
                    sessions.Add(Hub.Shared.Ready(out server));
                    servers.Add(server);
                }
                var waiting = sessions.Select(session => session.WaitAsync()).ToArray();
                for (var i = count - 1; i >= 0; i--)
                {
                    Hub.Shared.Push(servers[i], "{\"type\":\"EVENT_" + i + "\"}");
                    Assert.Equal("EVENT_" + i, (await waiting[i].Soon()).Type);
                    Assert.Equal(i, waiting.Count(wait => !wait.IsCompleted));
                }
                Assert.True(sessions[0].NativeHandle().ToInt64() > 0);
                Assert.Equal(sessions[0].NativeHandle(), sessions[0].NativeHandle());
                // One session ends, and the others go on.
                waiting = sessions.Select(session => session.WaitAsync()).ToArray();
                sessions[0].Disconnect();
                Assert.Equal("SESSION_CLOSED", (await waiting[0].Soon()).Type);
                await Assert.ThrowsAnyAsync<SonoranException>(() => sessions[0].WaitAsync().Soon());
                Hub.Shared.Push(servers[1], "{\"type\":\"EVENT_X\"}");
                Assert.Equal("EVENT_X", (await waiting[1].Soon()).Type);
            }
            finally
            {
                foreach (var session in sessions) session.Dispose();
            }
        }

        [Fact]
        public async Task WaitAsyncBringsWhatComesLater()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                Assert.Null(await session.WaitAsync(20).Soon());
                for (var i = 0; i < 20; i++)
                {
                    var waiting = session.WaitAsync();
                    Hub.Shared.Push(server, "{\"type\":\"EVENT_" + i + "\"}");
                    Assert.Equal("EVENT_" + i, (await waiting.Soon()).Type);
                }
            }
        }

        [Fact]
        public async Task CancellingEndsAWait()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
            using (var cancel = new CancellationTokenSource())
            {
                var waiting = session.WaitAsync(cancel.Token);
                Assert.False(waiting.IsCompleted);
                cancel.Cancel();
                var ended = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.Soon());
                Assert.Equal(cancel.Token, ended.CancellationToken);
                Assert.True(waiting.IsCanceled);
            }
        }

        /// <summary>Waits and cancellations race; each event comes once, and in order.</summary>
        [Fact]
        public async Task CancellingLosesNoEvent()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                const int count = 200;
                var burst = Hub.Shared.PostAsync("/control/burst?rate=400&serverId=" + server + "&count=" + count);
                var seen = new List<string>();
                while (seen.Count < count)
                    using (var cancel = new CancellationTokenSource())
                    {
                        var waiting = session.WaitAsync(cancel.Token);
                        cancel.Cancel();
                        SonoranEvent next;
                        try
                        {
                            next = await waiting.Soon();
                        }
                        catch (OperationCanceledException)
                        {
                            next = session.Poll();
                        }
                        if (next != null) seen.Add(Json.Text(next["data"], "seq"));
                    }
                await burst;
                Assert.Equal(Enumerable.Range(0, count).Select(i => i.ToString()), seen);
            }
        }

        [Fact]
        public async Task ATokenThatIsCancelledAlready()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => session.WaitAsync(new CancellationToken(true)));
        }

        [Fact]
        public async Task WakeEndsAWaitOnce()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                var waiting = session.WaitAsync();
                session.Wake();
                Assert.Null(await waiting.Soon());
                session.Wake();
                Assert.Null(session.Wait(-1));
                waiting = session.WaitAsync();
                Hub.Shared.Push(server, "{\"type\":\"EVENT_NEXT\"}");
                Assert.Equal("EVENT_NEXT", (await waiting.Soon()).Type);
            }
        }

        [Fact]
        public async Task AWaitEndsWithItsSession()
        {
            int server;
            var session = Hub.Shared.Ready(out server);
            var waiting = session.WaitAsync();
            session.Dispose();
            Assert.Equal("SESSION_CLOSED", (await waiting.Soon()).Type);
            await Assert.ThrowsAnyAsync<SonoranException>(() => session.WaitAsync());

            var replaced = Hub.Shared.Ready(out server);
            waiting = replaced.WaitAsync();
            using (Native.Library.Connect(Hub.Shared.Options(server)))
                Assert.Equal(-10, (await Assert.ThrowsAnyAsync<SonoranException>(() => waiting.Soon())).Code);
        }

        [Fact]
        public async Task OfManyWaitersEachEventGoesToOne()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                const int count = 500;
                var seen = new ConcurrentBag<int>();
                using (var done = new CancellationTokenSource())
                {
                    var waiters = Enumerable.Range(0, 4).Select(async n =>
                    {
                        try
                        {
                            while (true) seen.Add(int.Parse(Json.Text((await session.WaitAsync(done.Token))["data"], "seq")));
                        }
                        catch (OperationCanceledException) { }
                    }).ToArray();
                    await Hub.Shared.PostAsync("/control/burst?serverId=" + server + "&count=" + count);
                    var clock = Stopwatch.StartNew();
                    while (seen.Count < count && clock.ElapsedMilliseconds < Native.Patience) await Task.Delay(1);
                    done.Cancel();
                    await Task.WhenAll(waiters);
                }
                Assert.Equal(Enumerable.Range(0, count), seen.OrderBy(n => n));
            }
        }

        [Fact]
        public async Task OneThreadWaitsForAllSessions()
        {
            const int sessions = 20, rounds = 20;
            var servers = new int[sessions];
            var open = Enumerable.Range(0, sessions).Select(i => Hub.Shared.Ready(out servers[i])).ToArray();
            try
            {
                // The thread of unloaded code may still be ending.
                var leaving = Stopwatch.StartNew();
                while (Threads("sonoran waits") > 1 && leaving.ElapsedMilliseconds < Native.Patience) Thread.Sleep(5);
                var latency = new List<double>();
                for (var round = 0; round < rounds; round++)
                {
                    var waiting = open.Select(session => session.WaitAsync()).ToArray();
                    Assert.Equal(1, Threads("sonoran waits"));
                    var one = round % sessions;
                    var clock = Stopwatch.StartNew();
                    Hub.Shared.Push(servers[one], "{\"type\":\"EVENT_ONE\"}");
                    Assert.Equal("EVENT_ONE", (await waiting[one].Soon()).Type);
                    latency.Add(clock.Elapsed.TotalMilliseconds);
                    for (var i = 0; i < sessions; i++)
                    {
                        if (i == one) continue;
                        Assert.False(waiting[i].IsCompleted);
                        open[i].Wake();
                        Assert.Null(await waiting[i].Soon());
                    }
                }
                latency.Sort();
                Console.WriteLine("csharp: of {0} sessions that are waited for one has an event {1:0.0} ms after a push by HTTP (median; slowest {2:0.0} ms)",
                    sessions, latency[rounds / 2], latency[rounds - 1]);
            }
            finally
            {
                foreach (var session in open) session.Dispose();
            }
        }

        /// <summary>A session that always has events does not starve the others.</summary>
        [Fact]
        public async Task ABusySessionHidesNoOther()
        {
            int busy, quiet;
            using (var flooded = Hub.Shared.Ready(out busy))
            using (var session = Hub.Shared.Ready(out quiet))
            using (var done = new CancellationTokenSource())
            {
                const int count = 30000;
                var burst = Hub.Shared.PostAsync("/control/burst?serverId=" + busy + "&count=" + count);
                var taken = 0;
                var flood = Task.Run(async () =>
                {
                    while (taken < count && await flooded.WaitAsync(done.Token) != null) taken++;
                });
                for (var i = 0; i < 20; i++)
                {
                    var waiting = session.WaitAsync();
                    Hub.Shared.Push(quiet, "{\"type\":\"EVENT_QUIET\"}");
                    Assert.Equal("EVENT_QUIET", (await waiting.Soon()).Type);
                }
                await burst;
                await flood;
                Assert.Equal(count, taken);
            }
        }

        private static int Threads(string name)
        {
            return Directory.GetDirectories("/proc/self/task").Count(task =>
            {
                try
                {
                    return File.ReadAllText(task + "/comm").Trim() == name;
                }
                catch (IOException)
                {
                    return false; // it has ended
                }
            });
        }

#if NET8_0_OR_GREATER
        [Fact]
        public async Task ReadAllEndsWithTheSession()
        {
            int server;
            var session = Hub.Shared.Ready(out server);
            var types = new List<string>();
            var all = session.ReadAllAsync().GetAsyncEnumerator();
            Hub.Shared.Push(server, "{\"type\":\"EVENT_A\"}");
            while (await all.MoveNextAsync())
            {
                types.Add(all.Current.Type);
                if (types.Count == 1) session.Dispose();
            }
            Assert.Equal(new[] { "EVENT_A", "SESSION_CLOSED" }, types);
        }
#endif
    }
}
