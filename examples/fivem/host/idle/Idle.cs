using CitizenFX.Core;

/// <summary>A tick that does nothing, which every resource pays for.</summary>
public sealed class IdleScript : BaseScript
{
    public IdleScript()
    {
        Tick += () => System.Threading.Tasks.Task.FromResult(0);
    }
}
