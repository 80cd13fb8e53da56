using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Sonoran.Events;
using Sonoran.Tests;
using Xunit;

namespace FxServerHost
{
    /// <summary>What the resource costs the server, and how much it keeps up with. Prints figures and checks ratios, which a slow machine does not change.</summary>
    public class CostTests
    {
        /// <summary>The resource without its Lua script.</summary>
        private const string Bridge = "bridge";
        private static readonly string Runtime = Type.GetType("Mono.Runtime") != null ? "Mono" : ".NET " + Environment.Version.Major;

        private static void Print(string figure)
        {
            Console.WriteLine("bench: fivem on " + Runtime + ": " + figure);
        }

        private static long[] Count(FxServer fx, string listener)
        {
            return ((IEnumerable<object>)fx.Export(listener, "count")).Select(Convert.ToInt64).ToArray();
        }

        /// <summary>
        /// Of this process and the one that runs Lua, in ms. Wall-clock time would count other programs' load.
        /// </summary>
        private static double ProcessorTime()
        {
            using (var own = Process.GetCurrentProcess()) return own.TotalProcessorTime.TotalMilliseconds + ChildRuntime.ProcessorMs(".lua");
        }

        /// <summary>The cost of relaying an event to this listener, in us. Prints how many a server can relay in a second.</summary>
        private static double Relay(FxServer fx, int server, string listener, bool singly, string what)
        {
            const int events = 2000, warmUp = 500, size = 1000, ticksPerSecond = 1000 / FxServer.TickMs, budgetMs = 25;
            var column = singly ? 0 : 1;
            var perEvent = 0.0;
            foreach (var burst in new[] { warmUp, events })
            {
                // All events are queued in the library first, so that no tick waits for the hub.
                var before = Count(fx, listener);
                Hub.Shared.Post("/control/burst?serverId=" + server + "&count=" + burst + "&size=" + size);
                while (int.Parse(Json.Text(Json.Raw(((string)fx.Export(Bridge, "status")).Trim('[', ']'), "stats"), "queuedEvents")) < burst) Thread.Sleep(5);
                var ticks = 0;
                var spent = 0.0;
                for (long relayed = 0; relayed < burst; relayed = Count(fx, listener)[column] - before[column])
                {
                    Assert.True(ticks++ < burst * 2, "events are missing at " + listener);
                    fx.UntilSettled(Bridge);
                    var start = ProcessorTime();
                    fx.TickAlone(Bridge);
                    spent += ProcessorTime() - start;
                }
                var after = Count(fx, listener);
                Assert.Equal(burst, (int)(after[column] - before[column]));
                // Lists may take a fast machine no longer than one budget.
                Assert.True(!singly || ticks > 1, "the whole queue went out in one tick");
                perEvent = spent * 1000 / burst;
                if (burst == events)
                    Print(what + ": " + perEvent.ToString("0") + " us an event of " + (after[2] - before[2]) / events + " characters, so up to "
                        + (budgetMs * 1000 * ticksPerSecond / perEvent).ToString("0") + " events/s");
            }
            return perEvent;
        }

        /// <summary>Measures single events to C#, then lists to C# and to Lua.</summary>
        private static void EachWay(Action<FxServer, int, string, bool, string> measure)
        {
            int server;
            using (var fx = ResourceTests.Configured(Hub.Shared, out server))
            {
                foreach (var listener in new[] { "listener", "lualistener", Bridge }) fx.AddFolder(listener, FxServer.Folder(listener));
                Listener.OnEvent = heard => { };
                fx.Start(Bridge);
                fx.UntilTold("server " + server + ": connected.");
                fx.Start("listener");
                measure(fx, server, "listener", true, "event by event to one C# handler");
                fx.Stop(Bridge);
                fx.Convars["sonoran_singleEvents"] = "false";
                fx.Start(Bridge);
                fx.Tick(); // until then others keep its dead exports
                fx.Export("listener", "askForLists");
                measure(fx, server, "listener", false, "in lists to one C# handler");
                if (!ChildRuntime.CanRun(".lua")) return;
                fx.Stop("listener");
                fx.Start("lualistener");
                fx.Tick();
                measure(fx, server, "lualistener", false, "in lists to one Lua handler");
            }
        }

        [Fact]
        public void ListsCostAFractionOfSingleEvents()
        {
            double single = 0, listed = 0;
            EachWay((fx, server, listener, singly, what) =>
            {
                var cost = Relay(fx, server, listener, singly, what);
                if (singly) single = cost;
                else if (listener == "listener") listed = cost;
            });
            Assert.True(listed * 2 < single, "lists cost " + listed + " us an event, single events " + single);
        }

        /// <summary>Ticks in real time while the hub pushes so many events a second, and prints how many waited.</summary>
        private static void KeepUp(FxServer fx, int server, string listener, bool singly, int perSecond, string what)
        {
            const int ticks = 100, size = 1000;
            var perTick = perSecond * FxServer.TickMs / 1000;
            var column = singly ? 0 : 1;
            var before = Count(fx, listener)[column];
            var pushed = 0;
            var pushing = Task.Run(() =>
            {
                var clock = Stopwatch.StartNew();
                for (var i = 0; i < ticks; i++)
                {
                    Hub.Shared.Post("/control/burst?serverId=" + server + "&count=" + perTick + "&size=" + size);
                    Interlocked.Add(ref pushed, perTick);
                    var early = (i + 1) * FxServer.TickMs - clock.ElapsedMilliseconds;
                    if (early > 0) Thread.Sleep((int)early);
                }
            });
            long most = 0, last = 0;
            while (!pushing.IsCompleted)
            {
                var start = Stopwatch.StartNew();
                fx.Tick();
                last = Volatile.Read(ref pushed) - (Count(fx, listener)[column] - before);
                most = Math.Max(most, last);
                var early = FxServer.TickMs - start.ElapsedMilliseconds;
                if (early > 0) Thread.Sleep((int)early);
            }
            pushing.GetAwaiter().GetResult();
            fx.Until(() => Count(fx, listener)[column] - before >= pushed, pushed + " events");
            Assert.Equal(pushed, (int)(Count(fx, listener)[column] - before));
            Print(what + ", " + perSecond + " a second for " + ticks * FxServer.TickMs / 1000 + " s: at most " + most + " waited, " + last + " at the end");
        }

        [Fact]
        public void ItKeepsUp()
        {
            EachWay((fx, server, listener, singly, what) => KeepUp(fx, server, listener, singly, singly ? 200 : 1000, what));
        }

        private static double TickOf(FxServer fx, string resource)
        {
            fx.UntilSettled(resource);
            var clock = Stopwatch.StartNew();
            fx.TickAlone(resource);
            return clock.Elapsed.TotalMilliseconds * 1000;
        }

        [Fact]
        public void AnIdleTickCostsLittle()
        {
            const int ticks = 2000;
            int server;
            using (var fx = ResourceTests.Configured(Hub.Shared, out server))
            {
                fx.AddFolder("idle", FxServer.Folder("idle"));
                fx.AddFolder(Bridge, FxServer.Folder(Bridge));
                fx.Start("idle");
                fx.Start(Bridge);
                fx.UntilTold("server " + server + ": connected.");
                List<double> idle = new List<double>(), own = new List<double>();
                for (var i = 0; i < ticks; i++)
                {
                    // Alternates, so that other load on the machine affects both.
                    idle.Add(TickOf(fx, "idle"));
                    own.Add(TickOf(fx, Bridge));
                }
                idle.Sort();
                own.Sort();
                double median = own[ticks / 2], empty = idle[ticks / 2];
                Print("a tick without events: " + median.ToString("0") + " us, " + (median - empty).ToString("0") + " more than that of an empty resource");
                Assert.True(median < 2 * empty, "an idle tick takes " + median + " us, that of an empty resource " + empty);
            }
        }

        /// <summary>This process's resident memory in KiB.</summary>
        private static long Resident()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect();
            var line = File.ReadAllLines("/proc/self/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
            return long.Parse(new string(line.Where(char.IsDigit).ToArray()));
        }

        private static double GrowthByRestart(FxServer fx, string resource, int restarts)
        {
            for (var i = 0; i < restarts / 4; i++) Again(fx, resource);
            var before = Resident();
            for (var i = 0; i < restarts; i++) Again(fx, resource);
            return (double)(Resident() - before) / restarts;
        }

        private static void Again(FxServer fx, string resource)
        {
            fx.Restart(resource);
            fx.Tick();
        }

        [Fact]
        public void RestartsLeaveLittleBehind()
        {
            const int restarts = 200;
            const double most = 60;
            int server;
            using (var fx = ResourceTests.Configured(Hub.Shared, out server))
            {
                fx.AddFolder("idle", FxServer.Folder("idle"));
                fx.AddFolder(Bridge, FxServer.Folder(Bridge));
                fx.Start("idle");
                var idle = GrowthByRestart(fx, "idle", restarts);
                fx.Start(Bridge);
                fx.UntilTold("server " + server + ": connected.");
                var own = GrowthByRestart(fx, Bridge, restarts);
                Print("a restart leaves " + own.ToString("0") + " KiB behind, that of an empty resource " + idle.ToString("0") + " (" + restarts + " restarts)");
                Assert.True(own <= most, own + " KiB are left behind by a restart");
            }
        }
    }
}
