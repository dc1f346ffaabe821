import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';

/** Why an operator parks a sink or a pull. */
export class ParkBody {
  @ApiPropertyOptional({ default: 'by an operator' })
  @IsOptional()
  @IsString()
  @MaxLength(500)
  reason: string = 'by an operator';
}
