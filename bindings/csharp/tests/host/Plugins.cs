// Plugins.exe LIBRARY C_PLUGIN LUA_BINDING LUA_PLUGIN COUNT C_OPTIONS LUA_OPTIONS CSHARP_OPTIONS
//
// Three plugins in one process that know nothing of each other, each with the native library: one in C (tests/c/plugin.c),
// one in LuaJIT (bindings/lua/tests/plugin.lua), and one in C# in an AppDomain that restarts 50 times while the pushes
// flow. Each checks that it gets all pushes that it wants, in their order. Prints "ready" before the first of them, and
// "at NUMBER" before each restart.
using System;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using Sonoran.Events;

internal static class Native
{
    [DllImport("libdl.so.2")] internal static extern IntPtr dlopen(string file, int flags);
    [DllImport("libdl.so.2")] internal static extern IntPtr dlsym(IntPtr library, string name);

    [DllImport("libluajit-5.1.so.2")] internal static extern IntPtr luaL_newstate();
    [DllImport("libluajit-5.1.so.2")] internal static extern void luaL_openlibs(IntPtr state);
    [DllImport("libluajit-5.1.so.2")] internal static extern int luaL_loadfile(IntPtr state, string file);
    [DllImport("libluajit-5.1.so.2")] internal static extern int lua_pcall(IntPtr state, int arguments, int results, int handler);
    [DllImport("libluajit-5.1.so.2")] internal static extern void lua_getfield(IntPtr state, int table, string name);
    [DllImport("libluajit-5.1.so.2")] internal static extern void lua_setfield(IntPtr state, int table, string name);
    [DllImport("libluajit-5.1.so.2")] internal static extern void lua_pushstring(IntPtr state, string text);
    [DllImport("libluajit-5.1.so.2")] internal static extern void lua_pushinteger(IntPtr state, IntPtr number);
    [DllImport("libluajit-5.1.so.2")] internal static extern IntPtr lua_tointeger(IntPtr state, int index);
    [DllImport("libluajit-5.1.so.2")] internal static extern IntPtr lua_tolstring(IntPtr state, int index, IntPtr length);
    [DllImport("libluajit-5.1.so.2")] internal static extern void lua_close(IntPtr state);
}

/// <summary>The plugin in C.</summary>
internal sealed class CPlugin
{
    [UnmanagedFunctionPointer(CallingConvention.Cdecl)] private delegate int StartFunction(byte[] options);
    [UnmanagedFunctionPointer(CallingConvention.Cdecl)] private delegate int RunFunction(int count);

    private readonly RunFunction _run;

    internal CPlugin(string file, string options)
    {
        var library = Native.dlopen(file, 2);
        if (library == IntPtr.Zero) throw new DllNotFoundException(file);
        var start = (StartFunction)Marshal.GetDelegateForFunctionPointer(Native.dlsym(library, "plugin_start"), typeof(StartFunction));
        _run = (RunFunction)Marshal.GetDelegateForFunctionPointer(Native.dlsym(library, "plugin_run"), typeof(RunFunction));
        if (start(Encoding.UTF8.GetBytes(options + "\0")) <= 0) throw new InvalidOperationException("C: no session");
    }

    internal int Run(int count)
    {
        return _run(count);
    }
}

/// <summary>The plugin in Lua, with a state that only one thread uses at a time.</summary>
internal sealed class LuaPlugin
{
    private const int Globals = -10002;
    private readonly IntPtr _state;

    internal LuaPlugin(string library, string binding, string script, string options)
    {
        _state = Native.luaL_newstate();
        Native.luaL_openlibs(_state);
        Native.lua_pushstring(_state, binding);
        Native.lua_setfield(_state, Globals, "binding");
        Check(Native.luaL_loadfile(_state, script));
        Check(Native.lua_pcall(_state, 0, 0, 0));
        Native.lua_getfield(_state, Globals, "start");
        Native.lua_pushstring(_state, library);
        Native.lua_pushstring(_state, options);
        Check(Native.lua_pcall(_state, 2, 0, 0));
    }

    internal int Run(int count)
    {
        Native.lua_getfield(_state, Globals, "run");
        Native.lua_pushinteger(_state, (IntPtr)count);
        Check(Native.lua_pcall(_state, 1, 1, 0));
        var got = Native.lua_tointeger(_state, -1).ToInt32();
        Native.lua_close(_state);
        return got;
    }

    private void Check(int status)
    {
        if (status != 0) throw new InvalidOperationException("Lua: " + Marshal.PtrToStringAnsi(Native.lua_tolstring(_state, -1, IntPtr.Zero)));
    }
}

/// <summary>The plugin in C#: it wants calls only.</summary>
public sealed class CSharpPlugin : MarshalByRefObject
{
    private SonoranSession _session;

    /// <summary>Connects, and takes over what an unloaded one has left.</summary>
    public void Start(string library, string options)
    {
        _session = SonoranLibrary.Load(library).Connect(options);
    }

    /// <summary>Reads up to this number. Returns the one that has to follow.</summary>
    public int Run(int next, int end)
    {
        while (next < end)
        {
            var e = _session.Wait(240000);
            if (e == null || e.Type == "SESSION_EVENTS_DROPPED" || e.Type == "SESSION_LOST") throw new InvalidOperationException("C#: " + e);
            if (e.Type.StartsWith("SESSION_", StringComparison.Ordinal)) continue;
            if (e.Type != "EVENT_911" || !e.Json.Contains("\"number\":" + next + "}")) throw new InvalidOperationException("C#: expected " + next + ": " + e.Json);
            next += 4;
        }
        return next;
    }

    /// <summary>Says goodbye.</summary>
    public void Stop()
    {
        _session.Dispose();
    }
}

internal static class Plugins
{
    private const int Restarts = 50;
    private static int failures;

    private static Thread Start(string name, Func<string> run)
    {
        var thread = new Thread(() =>
        {
            try
            {
                Console.WriteLine(name + " " + run());
            }
            catch (Exception e)
            {
                Console.WriteLine(name + " failed: " + e);
                Interlocked.Increment(ref failures);
            }
        });
        thread.Start();
        return thread;
    }

    private static AppDomain Load(string library, string options, out CSharpPlugin plugin)
    {
        var setup = new AppDomainSetup { ApplicationBase = AppDomain.CurrentDomain.BaseDirectory };
        var domain = AppDomain.CreateDomain("plugin", null, setup);
        plugin = (CSharpPlugin)domain.CreateInstanceAndUnwrap(typeof(CSharpPlugin).Assembly.FullName, typeof(CSharpPlugin).FullName);
        plugin.Start(library, options);
        return domain;
    }

    private static int Main(string[] arguments)
    {
        var library = arguments[0];
        var count = int.Parse(arguments[4]);
        var c = new CPlugin(arguments[1], arguments[5]);
        var lua = new LuaPlugin(library, arguments[2], arguments[3], arguments[6]);
        CSharpPlugin plugin;
        var domain = Load(library, arguments[7], out plugin);
        Console.WriteLine("ready");
        var threads = new[]
        {
            Start("c", () => c.Run(count).ToString()),
            Start("lua", () => lua.Run(count).ToString()),
            Start("csharp", () =>
            {
                var next = 0;
                for (var restart = 1; restart <= Restarts; restart++)
                {
                    next = plugin.Run(next, count * restart / (Restarts + 1));
                    Console.WriteLine("at " + next);
                    AppDomain.Unload(domain);
                    domain = Load(library, arguments[7], out plugin);
                }
                next = plugin.Run(next, count);
                plugin.Stop();
                return next / 4 + " after " + Restarts + " restarts";
            }),
        };
        foreach (var thread in threads) thread.Join();
        return failures;
    }
}
