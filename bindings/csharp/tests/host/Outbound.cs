// Outbound.exe LIBRARY OPTIONS: does through bindings/csharp what tests/c/outbound.c does, but knows only the
// command `units COUNT TICKS`.
using System;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using System.Threading;
using Sonoran.Events;

internal static class Outbound
{
    private static SonoranSession session;
    private static int ticks;

    private static void PrintEvents()
    {
        for (var e = session.Poll(); e != null; e = session.Poll()) Console.WriteLine("event " + e.Json);
        Console.Out.Flush();
    }

    private static void GiveUnits(int count, int last)
    {
        double sum = 0, worst = 0;
        for (var i = 0; i < last; i++, ticks++)
        {
            var units = new StringBuilder("[");
            for (var unit = 0; unit < count; unit++)
                units.AppendFormat("{0}{{\"communityUserId\":\"license:{1:D8}\",\"location\":\"Alta St\",\"coordinates\":{{\"x\":{2},\"y\":-1038.5,\"z\":30.1}}}}", unit > 0 ? "," : "", unit, ticks);
            var text = units.Append(']').ToString();
            var clock = Stopwatch.StartNew();
            session.SendUnitLocations(text);
            var took = clock.Elapsed.TotalMilliseconds * 1000;
            sum += took;
            worst = Math.Max(worst, took);
            PrintEvents();
            Thread.Sleep(50);
        }
        Console.WriteLine("did {0} units, mean {1:F0} us, worst {2:F0} us", count, sum / last, worst);
    }

    private static void Main(string[] arguments)
    {
        // reading stdin blocks, and events must keep flowing
        var lines = new BlockingCollection<string>();
        new Thread(() =>
        {
            for (var line = Console.ReadLine(); line != null; line = Console.ReadLine()) lines.Add(line);
            lines.CompleteAdding();
        }) { IsBackground = true }.Start();
        session = SonoranLibrary.Load(arguments[0]).Connect(arguments[1]);
        while (!lines.IsCompleted)
        {
            PrintEvents();
            string line;
            if (!lines.TryTake(out line, 2)) continue;
            var words = line.Split(' ');
            GiveUnits(int.Parse(words[1]), int.Parse(words[2]));
        }
        session.Disconnect();
        for (var e = session.Wait(60000); e != null && e.Type != "SESSION_CLOSED";) e = session.Wait(60000);
    }
}
