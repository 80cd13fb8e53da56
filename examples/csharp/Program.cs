// Prints the events of one CAD server until Enter is pressed. The same file runs on .NET and on Mono.
//
//     SONORAN_API_KEY=... dotnet run -- COMMUNITY SERVER [URL]
//     mcs -unsafe -out:example.exe Program.cs ../../bindings/csharp/src/*.cs
//     SONORAN_API_KEY=... mono example.exe COMMUNITY SERVER [URL]
//
// The native library is in runtimes/<rid>/native beside the program, or where SONORAN_LIBRARY says.
using System;
using System.Threading.Tasks;
using Sonoran.Events;

public static class Program
{
    public static int Main(string[] args)
    {
        var key = Environment.GetEnvironmentVariable("SONORAN_API_KEY");
        int server;
        if (key == null || args.Length < 2 || args.Length > 3 || !int.TryParse(args[1], out server))
        {
            Console.Error.WriteLine("usage: SONORAN_API_KEY=... example COMMUNITY SERVER [URL]");
            return 2;
        }
        try
        {
            var file = Environment.GetEnvironmentVariable("SONORAN_LIBRARY");
            var library = file == null ? SonoranLibrary.Load() : SonoranLibrary.Load(file);
            using (var session = library.Connect(new SonoranOptions
            {
                CommunityId = args[0], ApiKey = key, ServerId = server, Url = args.Length > 2 ? args[2] : null,
            }))
            {
                var printing = Print(session);
                Task.WaitAny(printing, Task.Run(() => Console.ReadLine()));
                session.Disconnect(); // queued events and SESSION_CLOSED still arrive
                printing.GetAwaiter().GetResult();
            }
            library.Shutdown(2000);
            return 0;
        }
        catch (SonoranException e)
        {
            Console.Error.WriteLine(e.Name + ": " + e.Message);
            return 1;
        }
    }

    private static async Task Print(SonoranSession session)
    {
        SonoranEvent next;
        do
        {
            next = await session.WaitAsync();
            // The session's own events have a `message`; the CAD's pushes have `data`.
            Console.WriteLine("{0:HH:mm:ss}  {1,-30}  {2}", DateTime.Now, next.Type, next["message"] ?? next["data"]);
        } while (next.Type != "SESSION_CLOSED");
    }
}
